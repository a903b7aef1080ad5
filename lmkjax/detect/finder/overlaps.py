"""How much boxes have in common, and which of many are of one face."""

import numpy as np

MOST = 6000
"""Boxes that are compared with each other, at most: the surest."""
SAME, INSIDE = 0.4, 0.75
"""Intersection over union, and over the smaller box, of two boxes of one face."""


def shared(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each box of `a` [n, 4] with each of `b` [m, 4]: IoU, and share of the smaller.

    Boxes without a size have nothing in common with any.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), -1)
    areas = [np.prod(np.maximum(x[:, 2:] - x[:, :2], 0), -1) for x in (a, b)]
    either = areas[0][:, None] + areas[1][None] - both
    smaller = np.minimum(areas[0][:, None], areas[1][None])
    return both / np.maximum(either, 1e-9), both / np.maximum(smaller, 1e-9)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """How much two boxes [4] are one, 0 to 1 (intersection over union)."""
    return float(shared(one[None], other[None])[0][0, 0])


def suppress(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The numbers of the boxes that are not of a surer one's face, surest first."""
    order = np.argsort(-scores, kind="stable")[:MOST]
    kept = []
    while len(order):
        first, order = order[0], order[1:]
        kept.append(first)
        iou, inside = shared(boxes[first][None], boxes[order])
        order = order[(iou[0] < SAME) & (inside[0] < INSIDE)]
    return np.array(kept, int)
