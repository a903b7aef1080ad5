"""Places of the head: what a landmark is, told without a number of its own.

A place is a point of the project's mean head (`lmkjax.types.Places`). A network that
takes places can be asked for any point, and for any scheme: its landmarks are places
in an order (`lmkjax.face.shape.marks.places`).
"""

import jax
import jax.numpy as jnp

from lmkjax.types import CONTOUR, Places, typed


@typed
def mirrored(places: Places) -> Places:
    """The places on the other side of the head, in the same order."""
    contour = places.part == CONTOUR
    return places.replace(
        xyz=places.xyz.at[..., 0].multiply(-1.0),
        share=jnp.where(contour, 1.0 - places.share, places.share),
    )


@typed
def of_each(places: Places, faces: int) -> Places:
    """The same places, without leading axes, for each of so many faces."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (faces, *x.shape)), places)
