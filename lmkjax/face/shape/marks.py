"""Where a scheme's landmarks lie on one head, and what stands before them."""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lmkjax.face.optics import raster
from lmkjax.face.shape import atlas, contour, curves
from lmkjax.face.shape import head as heads
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE, VISIBLE

IRIS_RAD = math.radians(20.5)  # angle at the eyeball's centre, from its axis (+z)
PUPIL_RAD = math.radians(7.5)


@functools.cache
def embed(
    scheme: schemes.Scheme, head: heads.HeadLike
) -> tuple[np.ndarray, np.ndarray]:
    """Each landmark as three vertices and their weights, so that it moves with them.

    The visible contour has no such place before there is a camera: its landmarks
    stand on the fixed jaw line here, and `contour.visible` replaces them per view.

    Args:
        scheme: which landmarks.
        head: the head that they lie on.

    Returns:
        Vertex ids [k 3] int32 and weights [k 3] float32, which sum to 1.

    Raises:
        UserError: the head is not what `heads.HeadLike` says.
    """
    heads.check(head)
    parts = []
    for name, count in scheme.curves:
        side, _, rest = name.partition("_")
        if rest in ("iris", "pupil"):
            angle = IRIS_RAD if rest == "iris" else PUPIL_RAD
            parts.append(_ring(head, side, angle, count))
        elif schemes.CURVES[name].area:
            parts.append(atlas.place(head, curves.spread(name, count)))
        else:
            parts.append(atlas.place(head, _cut(head, name, count)))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _cut(head, name, count):
    """`count` spots of the chart along a curve, evenly spaced on the neutral head."""
    spots, knots, closed = curves.chart(name)
    if closed:
        spots = np.concatenate([spots, spots[:1]])
        knots = np.append(knots, len(spots) - 1)
    ids, weights = atlas.place(head, spots)
    steps = np.diff((head.neutral[ids] * weights[..., None]).sum(1), axis=0)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    if schemes.passes_knots(name, count):
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


def locate(
    vertices: Float[Array, "v 3"],
    flat: Float[Array, "v 2"],
    scheme: schemes.Scheme,
    head: heads.HeadLike,
) -> Float[Array, "k 3"]:
    """The landmarks' places, in the axes that `vertices` has.

    Args:
        vertices: the head's own, cm.
        flat: the same on the image plane, y down: there the contour is looked for.
        scheme: which landmarks.
        head: whose vertices they are.
    """
    ids, weights = embed(scheme, head)
    places = plane.weigh("kcx,kc->kx", vertices[ids], weights)
    if "jaw" not in scheme.starts:
        return places
    count, start = dict(scheme.curves)["jaw"], scheme.starts["jaw"]
    _, ids, weights = contour.visible(flat, contour.band(head), count=count)
    jaw = plane.weigh("kcx,kc->kx", vertices[ids], weights)
    return places.at[np.arange(start, start + count)].set(jaw)


def seen(
    points: Float[Array, "k 3"],
    head_depth: Float[Array, "h w"],
    object_depth: Float[Array, "h w"],
    *,
    slack_cm: float = 0.5,
) -> Int[Array, " k"]:
    """What became of each landmark.

    Args:
        points: x, y in pixels, depth in cm.
        head_depth: of the bare head; inf beside it.
        object_depth: of what hides it (hair, glasses, hands); inf where nothing is.
        slack_cm: how far a landmark may lie behind what is drawn and still be seen.
    """
    size = head_depth.shape[0]
    spot = points[:, :2]
    taps = [jnp.array([[dx, dy]]) for dx in (-0.7, 0.7) for dy in (-0.7, 0.7)]
    # The farthest of the pixels around, so that an edge does not hide itself.
    head = jnp.stack([raster.look_up(head_depth, spot + tap) for tap in taps]).max(0)
    thing = raster.look_up(object_depth, spot)
    state = jnp.where(points[:, 2] > head + slack_cm, BEHIND_HEAD, VISIBLE)
    state = jnp.where(points[:, 2] > thing - 0.05, BEHIND_OBJECT, state)
    inside = ((spot >= 0) & (spot <= size)).all(-1)
    return jnp.where(inside, state, OUTSIDE).astype(jnp.int8)
