"""The mean face: what can be said of a face's points without looking at it."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Array, Float

from lmkjax.types import typed


def fit(faces: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The mean face: the mean of points where 0 to 1 is their face's box.

    Args:
        faces: points [k, 2] and box [4] of each face of a training set, in the same
            pixels; one whose box has no size is left out.

    Returns:
        float32 [k, 2].

    Raises:
        ValueError: there is no face with a box.
    """
    total, count = 0.0, 0
    for points, box in faces:
        box = np.asarray(box, np.float64)
        sides = box[2:] - box[:2]
        if (sides > 0).all():
            total = total + (np.asarray(points, np.float64) - box[:2]) / sides
            count += 1
    if not count:
        raise ValueError("Wanted faces with boxes for the mean face; there were none.")
    return (total / count).astype(np.float32)


@typed
def place(
    mean_face: Float[Array, "k 2"], box: Float[Array, "b 4"]
) -> Float[Array, "b k 2"]:
    """The mean face put into each box."""
    sides = (box[:, 2:] - box[:, :2])[:, None]
    return box[:, None, :2] + mean_face[None] * sides
