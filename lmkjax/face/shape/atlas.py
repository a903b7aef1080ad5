"""Where the project's face chart, and its painted mean head, lie on any head.

Curves and paint are drawn once, on the project's own head. Another that brings no
hooks (`uv`, `atlas`) takes them by its 68 points: the smoothest map of space that
brings these to their places on the project's head brings the rest there too.
"""

import functools

import numpy as np
from scipy import interpolate, spatial

from lmkjax.face.shape import curves
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import schemes

NEAR = 24  # triangles tried before all of them are
FACE, SOLID = ("face",), ("face", "head", "eyes")
"""Parts on which a place is looked for: of a curve, of any point that can be meant."""


@functools.cache
def places(head: heads.HeadLike) -> np.ndarray:
    """The place on the project's mean head that each vertex stands for [v 3], cm.

    Raises:
        UserError: the head is not what `heads.HeadLike` says.
    """
    heads.check(head)
    if head.atlas is not None:
        return np.asarray(head.atlas)
    own, neutral = heads.load(), np.asarray(head.neutral, np.float64)
    found = _bend(neutral, neutral[head.ibug68], _ibug68())
    if "eyes" in head.part_names:  # balls stay round, or the iris would not
        for side in (0, 1):
            ball, its = heads.eyeballs(head)[side], heads.eyeballs(own)[side]
            middle = own.neutral[own.eye_centres[side]]
            rays = neutral[ball] - neutral[head.eye_centres[side]]
            size = np.linalg.norm(own.neutral[its] - middle, axis=1).max()
            found[ball] = middle + rays * size / np.linalg.norm(rays, axis=1).max()
    return found.astype(np.float32)


def _bend(places, points, goals):
    """Places moved as smoothly as can be while each point goes to its goal."""
    # A trace of smoothing, so that two points may be one.
    warp = interpolate.RBFInterpolator(
        points, goals, kernel="linear", degree=1, smoothing=1e-9
    )
    return warp(places)


def _ibug68():
    """The 68 points of the fixed jaw line on the project's own mean head [68 3]."""
    drawn = [curves.chart(name) for name in schemes.get("ibug68_surface").starts]
    return _on_own(np.concatenate([spots[knots] for spots, knots, _ in drawn]))


def _on_own(spots):
    ids, weights = place(heads.load(), spots)
    return (heads.load().neutral[ids] * weights[..., None]).sum(1)


def place(head: heads.HeadLike, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the face chart [n 2] as vertices [n 3] and weights [n 3].

    A spot in a slit of the chart (an eye, the mouth) goes to the nearest rim.
    """
    if head.uv is None:
        return nearest(head, _on_own(spots))
    on_face = head.part == heads.number(head, "face")
    face, corners = head.triangles[on_face], head.uv[on_face].astype(np.float64)
    spots = np.asarray(spots, np.float64)
    near = spatial.cKDTree(corners.mean(1)).query(spots, k=min(NEAR, len(face)))[1]
    best, weights = _within(corners, spots, near)
    lost = weights.min(-1) < -1e-6  # in a large triangle, or in a slit
    every = np.broadcast_to(np.arange(len(face)), (int(lost.sum()), len(face)))
    best[lost], weights[lost] = _within(corners, spots[lost], every)
    return _tidy(face[best], weights)


def nearest(
    head: heads.HeadLike, spots: np.ndarray, parts: tuple[str, ...] = FACE
) -> tuple[np.ndarray, np.ndarray]:
    """What stands for places near the project's mean head [n 3]: vertices, weights.

    Args:
        head: that they are to lie on.
        spots: places on the project's mean head, cm, or near it.
        parts: of the head, on which they may lie; those that it lacks count nothing.
    """
    spots = np.asarray(spots, np.float64)
    if head.atlas is None:
        vertices = np.asarray(head.neutral, np.float64)
        spots = _bend(spots, _ibug68(), vertices[head.ibug68])
    else:
        vertices = np.asarray(head.atlas, np.float64)
    wanted = [heads.number(head, name) for name in parts if name in head.part_names]
    face = head.triangles[np.isin(head.part, wanted)]
    corners = vertices[face]
    tree = spatial.cKDTree(corners.mean(1))
    near = tree.query(spots, k=min(NEAR, len(face)))[1]
    weights = _foot(corners[near], spots[:, None])
    feet = np.einsum("nmc,nmcx->nmx", weights, corners[near])
    best = np.linalg.norm(feet - spots[:, None], axis=-1).argmin(1)
    rows = np.arange(len(spots))
    return _tidy(face[near[rows, best]], weights[rows, best])


def _tidy(ids, weights):
    weights = np.maximum(weights, 0)
    weights = weights / weights.sum(-1, keepdims=True)
    return ids.astype(np.int32), weights.astype(np.float32)


def _foot(corners, spots):
    """Weights of the place in each triangle [n m 3 3] that is nearest to a spot."""
    a, b, c = np.moveaxis(corners, 2, 0)
    normal = np.cross(b - a, c - a)
    size = np.maximum((normal**2).sum(-1), 1e-18)
    turns = [np.cross(q - p, spots - p) for p, q in ((b, c), (c, a), (a, b))]
    weights = np.stack([(t * normal).sum(-1) / size for t in turns], -1)
    best = np.where((weights >= 0).all(-1), 0.0, np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):  # beside the triangle: along its edges
        way = corners[..., j, :] - corners[..., i, :]
        share = ((spots - corners[..., i, :]) * way).sum(-1)
        share = np.clip(share / np.maximum((way**2).sum(-1), 1e-18), 0, 1)
        foot = corners[..., i, :] + share[..., None] * way
        gap = ((foot - spots) ** 2).sum(-1)
        edge = np.zeros_like(weights)
        edge[..., i], edge[..., j] = 1 - share, share
        weights = np.where((gap < best)[..., None], edge, weights)
        best = np.minimum(best, gap)
    return weights


def _within(corners, spots, choices):
    """For each spot its triangle out of `choices` [n m], and the weights there."""
    a, b, c = np.moveaxis(corners[choices], 2, 0)
    spots = spots[:, None]
    area = _cross(b - a, c - a)
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    weights = [_cross(b - spots, c - spots) / area, _cross(c - spots, a - spots) / area]
    weights = np.stack([*weights, 1 - weights[0] - weights[1]], -1)
    # Least outside, in the chart's own distance: a negative weight times the height.
    depth = np.minimum(weights, 0).sum(-1) * np.sqrt(np.abs(area))
    rows, best = np.arange(len(spots)), np.argmax(depth, 1)
    return choices[rows, best], weights[rows, best]


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
