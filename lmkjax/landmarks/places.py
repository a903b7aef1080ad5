"""Places of the head: what a landmark is, told without a number of its own.

A place is a point of the project's mean head (`lmkjax.types.Places`). A network that
takes places can be asked for any point, and for any scheme: its landmarks are places
in an order (`lmkjax.face.shape.marks.places`).
"""

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.errors import UserError
from lmkjax.types import CONTOUR, SKIN, Key, Places, typed

FAR_CM = 25.0
"""No place of a head is further from the origin along an axis."""


@typed
def mirrored(places: Places) -> Places:
    """The places on the other side of the head, in the same order."""
    contour = places.part == CONTOUR
    return places.replace(
        xyz=jnp.asarray(places.xyz).at[..., 0].multiply(-1.0),
        share=jnp.where(contour, 1.0 - places.share, places.share),
    )


@typed
def some(key: Key | None, places: Places, *, count: int) -> Places:
    """Some of a scheme's places, evenly over their order, so far apart on the head.

    Args:
        key: chance of which; any of them is as likely as any other. None = always the
            same ones.
        places: of all its landmarks.
        count: how many; 0, or more than there are = all of them.
    """
    landmarks = len(places.share)
    if not 0 < count < landmarks:
        return places
    first = 0.5 if key is None else jax.random.uniform(key)
    row = jnp.floor((jnp.arange(count) + first) * (landmarks / count))
    row = jnp.minimum(row.astype(jnp.int32), landmarks - 1)
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[row], places)


def on_skin(xyz: np.ndarray) -> Places:
    """Places of the skin, or of what else does not move by itself.

    Args:
        xyz: on the project's mean head, cm [k, 3].

    Raises:
        UserError: they are no such array, or not finite, or far from the head.
    """
    try:
        found = np.asarray(xyz, np.float32)
    except (TypeError, ValueError):  # rows of other lengths, words
        found = np.zeros(0, np.float32)
    if found.ndim != 2 or found.shape[-1] != 3 or not np.isfinite(found).all():
        raise UserError(
            "Wanted places of the mean head as an array [k, 3] of finite numbers, cm;"
            f" got one of shape {list(found.shape)}."
        )
    if len(found) and np.abs(found).max() > FAR_CM:
        raise UserError(
            "Wanted places of the mean head in cm, its middle at the origin; got one"
            f" {np.abs(found).max():.1f} cm away."
        )
    none = np.zeros(len(found), np.float32)
    return Places(found, np.full(len(found), SKIN, np.int32), none)
