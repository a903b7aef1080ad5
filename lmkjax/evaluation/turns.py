"""Faces in groups by how far the head is turned: a mean over all hides the profiles."""

import math

import numpy as np
from jaxtyping import Float

from lmkjax.types import typed

YAW_DEG = (30.0, 60.0)
"""Between groups, where a face's yaw is known."""
OFFSET = (0.1, 0.25, 0.4)
"""Between groups, where points alone are known; see `offset`."""
BRIDGE, TIP, CHIN, JAW_ENDS = 27, 30, 8, (0, 16)


@typed
def offset(points: Float[np.ndarray, "n 68 2"]) -> Float[np.ndarray, " n"]:
    """How far the nose's tip is off the middle of the jaw's ends: what stands for yaw.

    It is measured across the line from the bridge of the nose to the chin, so that a
    tilt changes nothing, in units of sqrt(width * height) of the box of the points.

    Args:
        points: the 68 iBug points of each face, any unit.

    Returns:
        At least 0; infinite for a face whose points all lie in one place.
    """
    down = points[:, CHIN] - points[:, BRIDGE]
    beside = points[:, TIP] - points[:, JAW_ENDS].mean(1)
    across = np.abs(beside[:, 0] * down[:, 1] - beside[:, 1] * down[:, 0])
    unit = np.sqrt(np.ptp(points, axis=1).prod(-1)) * np.linalg.norm(down, axis=-1)
    return np.where(unit > 0, across / np.where(unit > 0, unit, 1), np.inf)


@typed
def groups(
    points: Float[np.ndarray, "n 68 2"], yaw_deg: Float[np.ndarray, " n"] | None
) -> dict[str, np.ndarray]:
    """The numbers of the faces of each group that has some, by its name.

    Args:
        points: the true 68 iBug points of each face.
        yaw_deg: of each face; None where it is not known.
    """
    if yaw_deg is None:
        by, ends, what = offset(points), OFFSET, "nose tip off by"
    else:
        by, ends, what = np.abs(yaw_deg), YAW_DEG, "yaw"
    edges = [0.0, *ends, math.inf]
    found = {}
    for low, high in zip(edges, edges[1:], strict=False):
        upper = "and more" if math.isinf(high) else f"to {high:g}"
        inside = np.flatnonzero((by >= low) & ((by < high) | math.isinf(high)))
        if len(inside):
            found[f"{what} {low:g} {upper}"] = inside
    return found
