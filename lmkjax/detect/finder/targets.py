"""What the finder's network should say of a scene."""

from typing import NamedTuple

import numpy as np

from lmkjax.detect.finder import scenes
from lmkjax.models import face_finder

SMALLEST, LARGEST = 14.0, 46.0
"""Sides (the square root of the box's area, pixels) of faces that are to be found; of
the others, up to `NONE`, nothing is asked."""
NONE = 68.0
"""A larger one is no face: it is found in a smaller copy of the photo."""


class Target(NamedTuple):
    """The answer wanted of each cell [y, x].

    Attributes:
        near: see `losses.centres.focal`; likewise the next.
        asked: where an answer is judged.
        boxes: [y, x, 4], of the cell's face.
        weight: of the box.
    """

    near: np.ndarray
    asked: np.ndarray
    boxes: np.ndarray
    weight: np.ndarray


def of(scene: scenes.Scene) -> Target:
    """The target of a scene."""
    rows, columns = (side // face_finder.STRIDE for side in scene.image.shape[:2])
    y, x = np.mgrid[:rows, :columns] * face_finder.STRIDE + face_finder.STRIDE / 2
    near, asked = np.zeros((rows, columns)), np.ones((rows, columns))
    boxes, weight = np.zeros((rows, columns, 4)), np.zeros((rows, columns))
    own = np.zeros((rows, columns), bool)
    for box, wanted in zip(scene.boxes, scene.wanted, strict=True):
        wide, high = box[2:] - box[:2]
        side = np.sqrt(wide * high)
        if side > NONE:
            continue
        u, v = x - (box[0] + box[2]) / 2, y - (box[1] + box[3]) / 2
        if not wanted or not SMALLEST <= side <= LARGEST:
            asked[(np.abs(u) < 0.4 * wide + 4) & (np.abs(v) < 0.4 * high + 4)] = 0
            continue
        cell = np.unravel_index((u**2 + v**2).argmin(), u.shape)
        bump = np.exp(-(u**2 + v**2) / (2 * (side / 6) ** 2))
        inside = max(abs(u[cell]), abs(v[cell])) <= face_finder.STRIDE / 2 + 1e-3
        bump[cell] = 1 if inside else bump[cell]
        near = np.maximum(near, np.where(bump > 1e-3, bump, 0))
        better = (bump > 0.3) & (bump > weight)
        boxes[better], weight[better] = box, bump[better]
        own[cell] |= inside
    asked[own] = 1
    return Target(*(part.astype(np.float32) for part in (near, asked, boxes, weight)))
