"""Several looks at a face, each turned, sized and placed otherwise, and their mean."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lmkjax.data import geometric
from lmkjax.landmarks import points

if TYPE_CHECKING:
    from lmkjax.detect.inference import Prediction

CHANGES = np.array(
    [
        (0, 1.0, 0.0, 0.0),
        (0, 0.9, 0.0, 0.0),
        (0, 1.0, -0.05, 0.0),
        (-22, 1.0, 0.0, 0.0),
        (22, 1.0, 0.0, 0.0),
        (0, 1.0, 0.05, 0.0),
        (12, 1.0, 0.0, 0.0),
        (-12, 1.0, 0.0, 0.0),
    ],
    np.float32,
)
"""How the looks differ: turned by degrees, sized, moved right and down by shares of the
picture's side."""
MOST = len(CHANGES)


def mean(
    look: "Callable[[jax.Array], Prediction]",
    images: Float[Array, "b s s 3"],
    *,
    count: int,
) -> "Prediction":
    """What is seen on the average of the first `count` looks.

    Of a point those count whose pictures hold it. What can be seen, the picture as it
    is tells alone.

    Args:
        look: what the network says of pictures, in their pixels.
        images: the pictures.
        count: of the looks, 1 to `MOST`; 1 = at the pictures as they are.
    """
    plain, size = look(images), images.shape[-2]
    if count == 1:
        return plain
    changes = _matrices(count, size=size)

    def changed(matrix):
        warp = functools.partial(geometric.warp, matrix=matrix, size=size)
        return _unchanged(look(jax.vmap(warp)(images)), matrix)

    return _mean(plain, jax.lax.map(changed, changes), changes, size)


def _matrices(count: int, *, size: int) -> Float[Array, "v 3 3"]:
    """The transforms of all looks but for the first, which changes nothing."""
    turn, scale, *shift = jnp.asarray(CHANGES[1:count]).T
    centre = jnp.full((len(turn), 2), size / 2)
    goal = centre + size * jnp.stack(shift, -1)
    return points.similarity(centre, goal, scale, jnp.radians(turn))


def _apply(matrix: Float[Array, "3 3"], found: Float[Array, "b k 2"]):
    """Points of all pictures, moved alike."""
    return points.apply(jnp.broadcast_to(matrix, (len(found), 3, 3)), found)


def _unchanged(seen: "Prediction", matrix: Float[Array, "3 3"]) -> "Prediction":
    """What was seen in changed pictures, in the pixels of the pictures."""
    scale = jnp.sqrt(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
    back = functools.partial(_apply, points.inverse(matrix))
    result = seen.replace(
        points=back(seen.points), spread=seen.spread / scale, visibility=None
    )
    if seen.transferred is None:
        return result
    return result.replace(
        transferred=back(seen.transferred),
        transferred_spread=seen.transferred_spread / scale,
    )


def _mean(
    plain: "Prediction", others: "Prediction", changes: Float[Array, "v 3 3"], size: int
) -> "Prediction":
    """The mean of a look at the pictures and of others at changed ones, [v, ...]."""

    def mean(own, spread, found, spreads):
        moved = jax.vmap(_apply, in_axes=(0, None))(changes, own)
        counts = points.inside(moved, size=size).astype(own.dtype)
        total = 1 + counts.sum(0)
        both = own + (counts[..., None] * found).sum(0)
        return both / total[..., None], (spread + (counts * spreads).sum(0)) / total

    found, spread = mean(plain.points, plain.spread, others.points, others.spread)
    result = plain.replace(points=found, spread=spread)
    if plain.transferred is None:
        return result
    found, spread = mean(
        plain.transferred,
        plain.transferred_spread,
        others.transferred,
        others.transferred_spread,
    )
    return result.replace(transferred=found, transferred_spread=spread)
