"""A photo to the boxes of its faces, by the network that comes with lmkjax.

finder = looking.Finder()
found = finder(photo)  # found.boxes, found.scores, the surest first
"""

import functools
import hashlib
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from lmkjax.detect.finder import overlaps
from lmkjax.images import quarters
from lmkjax.landmarks import points as plane
from lmkjax.models import face_finder
from lmkjax.training import averaged

WEIGHTS = pathlib.Path(__file__).parents[1] / "weights" / "finder"
THRESHOLD = 0.22
"""Score that a face must have; chosen, as the next two, on half of the photos that it
is measured on."""
DOUBT, JUMP = 0.055, 0.3
"""The median uncertainty of a face's points, in longer sides of their box, above which
it is none; and how much that box and the one it was found by are one, at least."""
IN_DOUBT = 0.025
"""The same, above which a face is looked at turned by quarters too. Of photos of 300-W
that stand upright 99 of 100 are below 0.0242; of 900 turned by quarters 898 above."""
LYING = 0.35
"""Score that a face must have which lies beside those that stand."""
MISREAD = 0.2, 0.5
"""How much of a face in doubt, by both measures of `overlaps.shared`, another way up
shows a sure one, so that it is that one read the wrong way up."""
LOOKS = 2
"""How often a box is mended."""
MOST = 1000
"""Faces of a photo, at most: the surest."""
FIRST = 0.75
"""What a photo is scaled by to be looked at first: a face of 24 pixels has 18 then."""
LONGEST = 2304
"""Pixels of its longer side then, at most; so the photo's smallest faces are those of
24 pixels up to 3,072 of its own, and of one part in 128 above."""
LEAST = 64
"""Pixels of the longer side of the smallest copy: one face fills it."""
GAP = 32
"""Pixels between two copies, grey."""
SIDES = (128, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 2560, 3072)
SIDES += (4096,)
"""Of the sheets that hold all copies: few, as each pair is compiled once."""


class Found(NamedTuple):
    """The faces of a photo, the surest first.

    Attributes:
        boxes: float32 [n, 4], left, top, right, bottom in pixels of the photo, tight
            around the 68 iBug points.
        scores: float32 [n], 0 to 1.
        more: how many were left out because there were more than `MOST`.
        doubts: float32 [n], see `doubt`; None before their points were looked at.
    """

    boxes: np.ndarray
    scores: np.ndarray
    more: int = 0
    doubts: np.ndarray | None = None


class Finder:
    """Finds the faces of a photo, from 24 pixels on.

    Attributes:
        threshold: score that a face must have.
        identity: changes when its answers would.
    """

    def __init__(
        self, workdir: str | pathlib.Path = WEIGHTS, *, threshold: float = THRESHOLD
    ):
        """A finder.

        Args:
            workdir: what `lmkjax.detect.finder` wrote.
            threshold: score that a face must have, 0 to 1.

        Raises:
            UserError: the folder holds no such weights.
        """
        weights = averaged.load(pathlib.Path(workdir))
        self._weights = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), weights)
        self.threshold = threshold
        told = f"{threshold} {FIRST} {LONGEST} {MOST} {LYING} {MISREAD}"
        digest = hashlib.sha256(told.encode())
        for leaf in jax.tree.leaves(weights):
            digest.update(np.ascontiguousarray(leaf).tobytes())
        self.identity = digest.hexdigest()

    def __call__(self, photo: Image.Image) -> Found:
        """The faces of a photo, RGB, turned as it is seen; maybe none."""
        sheet, copies = _sheet(photo)
        scores, boxes = (np.asarray(x[0]) for x in _look(self._weights, sheet[None]))
        stride, parts = face_finder.STRIDE, []
        for corner, size, scale in copies:
            (left, top), (wide, high) = corner // stride, -(-size // stride)
            part = np.s_[top : top + high, left : left + wide]
            own = scores[part] >= self.threshold
            own_boxes = (boxes[part][own] - np.tile(corner, 2)) / scale
            parts.append((own_boxes, scores[part][own]))
        found, score = (np.concatenate(x) for x in zip(*parts, strict=True))
        middle = (found[:, :2] + found[:, 2:]) / 2
        inside = ((middle >= 0) & (middle <= photo.size)).all(-1)
        found, score = found[inside], score[inside]
        kept = overlaps.suppress(found, score)
        more = max(len(kept) - MOST, 0)
        kept = kept[:MOST]
        return Found(found[kept].astype(np.float32), score[kept], more)


@functools.partial(jax.jit)
def _look(weights, sheet):
    """Of each cell of a sheet the score of a face, and its box."""
    images = sheet.astype(jnp.float32) / 255
    said = face_finder.FaceFinder().apply({"params": weights}, images)
    return jax.nn.sigmoid(said[..., 0]), face_finder.boxes(said)


def beside(found: Found, known: np.ndarray, least: float) -> Found:
    """Of faces not looked at yet those of at least a score that are none of others.

    Args:
        found: the faces of a photo.
        known: boxes [m, 4] of the others.
        least: the score.
    """
    iou, inside = overlaps.shared(np.reshape(found.boxes, (-1, 4)), known)
    new = ((iou < overlaps.SAME) & (inside < overlaps.INSIDE)).all(1)
    own = new & (np.asarray(found.scores) >= least)
    return found._replace(boxes=found.boxes[own], scores=found.scores[own])


def mend(found: Found, look: Callable[[np.ndarray], tuple]) -> Found:
    """Boxes drawn anew about the points found in them; what has no face's points goes.

    A box without width or height has none.

    Args:
        found: the boxes of a photo.
        look: boxes to the points [n, 68, 2] in them and their uncertainty [n, 68].
    """
    boxes = np.reshape(found.boxes, (-1, 4))
    sized = (boxes[:, 2:] > boxes[:, :2]).all(-1)
    found = Found(boxes[sized], found.scores[sized], found.more, np.zeros(sized.sum()))
    for _ in range(LOOKS if len(found.boxes) else 0):
        found = _mended(found, *look(found.boxes))
        if not len(found.boxes):
            break
    return found


def any_way_up(
    photo: Image.Image, search: Callable[[Image.Image, np.ndarray, float], Found]
) -> Found:
    """The faces of a photo, whichever way up each of them is.

    It is looked at turned by quarters too: at half its size and for others than its
    sure faces, unless it shows few of those as it is. The way up whose sure faces have
    the highest scores together gives all of its faces, the others their sure ones. If
    none has any, the photo is as it is.

    Args:
        photo: RGB.
        search: a photo, boxes of faces in it that are known, and the score that
            another must have, to the others that stand more or less upright in it.
    """
    found, known = search(photo, np.zeros((0, 4)), 0), np.zeros((0, 2, 2))
    clear, turned, least = _sure(found) > found.scores.sum() / 2, photo, 0
    if clear:
        least = LYING
        half = [max(side // 2, 1) for side in photo.size]
        turned = photo.resize(half, Image.BILINEAR)
        known = found.boxes[found.doubts < IN_DOUBT].reshape(-1, 2, 2)
    scale = np.tile(np.divide(photo.size, turned.size), 2)
    ways = [found]
    for turns in quarters.TURNS[1:]:
        seen = plane.box(quarters.forth(known / scale[:2], turned.size, turns))
        found = search(quarters.picture(turned, turns), seen, least)
        ends = quarters.back(found.boxes.reshape(-1, 2, 2), turned.size, turns)
        boxes = (plane.box(ends) * scale).astype(np.float32)
        ways.append(found._replace(boxes=boxes))
    own = ways.pop(0 if clear else int(np.argmax([_sure(way) for way in ways])))
    lying = [_those(way, way.doubts < IN_DOUBT) for way in ways]
    sure = np.concatenate([way.boxes for way in lying])
    iou, inside = (x.max(1, initial=0) for x in overlaps.shared(own.boxes, sure))
    misread = (own.doubts >= IN_DOUBT) & ((iou > MISREAD[0]) | (inside > MISREAD[1]))
    lying.insert(0, _those(own, ~misread))
    boxes, scores, doubts = (
        np.concatenate([getattr(way, name) for way in lying])
        for name in ("boxes", "scores", "doubts")
    )
    kept = overlaps.suppress(boxes, scores)
    more = own.more + max(len(kept) - MOST, 0)
    return _those(Found(boxes, scores, more, doubts), kept[:MOST])


def _those(found: Found, which: np.ndarray) -> Found:
    """Some of the faces, by a mask or by their numbers."""
    boxes, scores, doubts = (
        x[which] for x in (found.boxes, found.scores, found.doubts)
    )
    return Found(boxes, scores, found.more, doubts)


def _sure(found: Found) -> float:
    """The scores together of the faces that are in no doubt."""
    return float(found.scores[found.doubts < IN_DOUBT].sum())


def doubt(uncertainty: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The median of a face's uncertainty [n, k], in longer sides of its box [n, 4]."""
    side = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(-1), 1e-6)
    return np.median(uncertainty, -1) / side


def _mended(found: Found, points: np.ndarray, uncertainty: np.ndarray) -> Found:
    boxes = plane.box(points)
    doubts = doubt(uncertainty, boxes)
    pairs = zip(boxes, found.boxes, strict=True)
    alike = np.array([overlaps.alike(*pair) for pair in pairs])
    # A number that is none is false of both.
    good = (doubts < DOUBT) & (alike > JUMP)
    boxes, scores = boxes[good].astype(np.float32), found.scores[good]
    kept = overlaps.suppress(boxes, scores)
    return Found(boxes[kept], scores[kept], found.more, doubts[good][kept])


def _sheet(photo: Image.Image) -> tuple[np.ndarray, list[tuple]]:
    """Copies of a photo, each half as large as the last, on one sheet.

    Returns:
        The sheet, uint8; of each copy its corner, its size (both in pixels of the
        sheet) and its pixels per pixel of the photo.
    """
    scale = min(FIRST, LONGEST / max(photo.size))
    scale = max(scale, LEAST / max(photo.size))
    copies, corner, ends = [], np.zeros(2, int), np.zeros(2, int)
    while True:
        size = np.maximum(np.round(np.array(photo.size) * scale), 1).astype(int)
        copies.append((corner, size, size / photo.size))
        ends = np.maximum(ends, corner + size)
        step = -(-(size + GAP) // GAP) * GAP
        # The second copy lies right of the first, the others below it.
        corner = corner + step * ([1, 0] if len(copies) == 1 else [0, 1])
        if max(size) <= LEAST:
            break
        scale = max(scale / 2, LEAST / max(photo.size))
    wide, high = (next(s for s in SIDES if s >= end) for end in ends)
    sheet = np.full((high, wide, 3), 127, np.uint8)
    image = photo
    for corner, size, _ in copies:
        image = image.resize(tuple(int(s) for s in size), Image.BILINEAR)
        (x, y), (w, h) = corner, size
        sheet[y : y + h, x : x + w] = np.asarray(image)
    scales = [(c, s, np.tile(k, 2)) for c, s, k in copies]
    return sheet, scales
