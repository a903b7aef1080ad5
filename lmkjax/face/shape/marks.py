"""Where a scheme's landmarks lie on one head, and what stands before them."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lmkjax import schemes
from lmkjax.face.optics import raster
from lmkjax.face.shape import contour, curves
from lmkjax.face.shape import head as heads

VISIBLE, BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE = 0, 1, 2, 3
"""What became of a landmark."""


@functools.cache
def _fixed(scheme):
    return curves.embed(scheme, heads.load())


def locate(
    vertices: Float[Array, "v 3"], flat: Float[Array, "v 2"], scheme: schemes.Scheme
) -> Float[Array, "k 3"]:
    """The landmarks' places, in the axes that `vertices` has.

    Args:
        vertices: the head's own, cm.
        flat: the same on the image plane, y down: there the contour is looked for.
        scheme: which landmarks.
    """
    ids, weights = _fixed(scheme)
    places = jnp.einsum("kcx,kc->kx", vertices[ids], weights)
    if "jaw" not in scheme.starts:
        return places
    count, start = dict(scheme.curves)["jaw"], scheme.starts["jaw"]
    _, ids, weights = contour.visible(flat, contour.band(), count=count)
    jaw = jnp.einsum("kcx,kc->kx", vertices[ids], weights)
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
