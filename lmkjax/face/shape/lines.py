"""A curve or an area of the face, and the rings of the eyes, laid on any head."""

import math

import numpy as np

from lmkjax.face.shape import atlas, curves
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import vocabulary

RINGS_RAD = {"iris": math.radians(20.5), "pupil": math.radians(7.5)}
"""Angles at the eyeball's centre, from its axis (+z)."""


def lay(head: heads.HeadLike, name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a curve or an area, evenly spread, as means of three vertices.

    Args:
        head: that they lie on; evenly on its neutral face.
        name: one of `vocabulary.CURVES`; the visible contour lies on the fixed jaw.
        count: how many.

    Returns:
        Vertex ids [k 3] int32 and weights [k 3] float32, which sum to 1.
    """
    side, _, rest = name.partition("_")
    if rest in RINGS_RAD:
        return _ring(head, side, RINGS_RAD[rest], count)
    if vocabulary.CURVES[name].area:
        return atlas.place(head, curves.spread(name, count))
    return atlas.place(head, _cut(head, name, count))


def _cut(head, name, count):
    """`count` spots of the chart along a curve, evenly spaced on the neutral head."""
    spots, knots, closed = curves.chart(name)
    if closed:
        spots = np.concatenate([spots, spots[:1]])
        knots = np.append(knots, len(spots) - 1)
    ids, weights = atlas.place(head, spots)
    steps = np.diff((head.neutral[ids] * weights[..., None]).sum(1), axis=0)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    if vocabulary.passes_knots(name, count):
        pieces = count // (len(knots) - 1)
        at = np.interp(
            np.arange(pieces * (len(knots) - 1) + 1) / pieces,
            np.arange(len(knots)),
            length[knots],
        )
    else:
        at = np.linspace(0, length[-1], count + closed)
    at = at[:count]
    return np.stack([np.interp(at, length, spots[:, i]) for i in range(2)], 1)


def _ring(head, side, angle_rad, count):
    """Iris or pupil; on a head without eyes, where the project's own has them."""
    if "eyes" in head.part_names:
        return _on_eye(head, side, angle_rad, count)
    own = heads.load()
    ids, weights = _on_eye(own, side, angle_rad, count)
    return atlas.nearest(head, (own.neutral[ids] * weights[..., None]).sum(1))


def _on_eye(head, side, angle_rad, count):
    """A circle about an eyeball's axis, clockwise as seen, from the leftmost point."""
    balls = dict(zip(("right", "left"), heads.eyeballs(head), strict=True))
    centres = dict(zip(("right", "left"), head.eye_centres, strict=True))
    turn = np.pi - 2 * np.pi * np.arange(count) / count
    flat = math.sin(angle_rad) * np.stack([np.cos(turn), np.sin(turn)], 1)
    rays = np.concatenate([flat, np.full((count, 1), math.cos(angle_rad))], 1)
    triangles = head.triangles[np.isin(head.triangles[:, 0], balls[side])]
    corners = head.neutral[triangles] - head.neutral[centres[side]]
    usable = np.abs(np.linalg.det(corners)) > 1e-9
    triangles, corners = triangles[usable], corners[usable]
    weights = np.einsum("nc,tcj->ntj", rays, np.linalg.inv(corners))
    best = weights.min(-1).argmax(1)  # all three positive: the ray goes through it
    weights = weights[np.arange(count), best]
    weights = weights / weights.sum(-1, keepdims=True)
    return triangles[best].astype(np.int32), weights.astype(np.float32)
