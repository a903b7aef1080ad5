"""The mean face: what can be said of a face's points without looking at it."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Array, Float

from lmkjax.types import Batch, typed


def fit(batches: Iterable[Batch], *, members: np.ndarray | None = None) -> np.ndarray:
    """The mean face: the mean of points where 0 to 1 is their face's box.

    Args:
        batches: faces of a training set.
        members: which of their points, in which order; None = all.

    Returns:
        float32 [k, 2].

    Raises:
        ValueError: there is no face with a box.
    """
    total, count = 0.0, 0
    for batch in batches:
        box = np.asarray(batch.box, np.float64)
        sides = box[:, 2:] - box[:, :2]
        real = np.asarray(batch.mask) & (sides > 0).all(-1)
        faces = np.asarray(batch.points, np.float64)[real]
        faces = faces if members is None else faces[:, members]
        unit = (faces - box[real, None, :2]) / sides[real, None]
        total, count = total + unit.sum(0), count + len(unit)
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
