"""Several looks at a face, each turned and sized otherwise, and their mean."""

import functools
from collections.abc import Callable, Iterator
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
        (0, 1.0),
        (0, 1.2),
        (-12, 1.0),
        (12, 1.0),
        (0, 1.3),
        (0, 1.1),
        (-12, 1.1),
        (12, 1.1),
    ],
    np.float32,
)
"""How the looks differ: turned by degrees, and sized."""
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
    turn, scale = jnp.asarray(CHANGES[1:count]).T
    centre = jnp.full((len(turn), 2), size / 2)
    return points.similarity(centre, centre, scale, jnp.radians(turn))


def _apply(matrix: Float[Array, "3 3"], found: Float[Array, "b k 2"]):
    """Points of all pictures, moved alike."""
    return points.apply(jnp.broadcast_to(matrix, (len(found), 3, 3)), found)


def _told(seen: "Prediction") -> Iterator[tuple[str, str]]:
    """The names of points and of their spreads, as far as there are any."""
    yield "points", "spread"
    if seen.transferred is not None:
        yield "transferred", "transferred_spread"


def _unchanged(seen: "Prediction", matrix: Float[Array, "3 3"]) -> "Prediction":
    """What was seen in changed pictures, in the pixels of the pictures."""
    scale = jnp.sqrt(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
    parts = {"visibility": None}
    for name, spread in _told(seen):
        parts[name] = _apply(points.inverse(matrix), getattr(seen, name))
        parts[spread] = getattr(seen, spread) / scale
    return seen.replace(**parts)


def _mean(
    plain: "Prediction", others: "Prediction", changes: Float[Array, "v 3 3"], size: int
) -> "Prediction":
    """The mean of a look at the pictures and of others at changed ones, [v, ...]."""
    parts = {}
    for name, spread in _told(plain):
        own = getattr(plain, name)
        moved = jax.vmap(_apply, in_axes=(0, None))(changes, own)
        counts = points.inside(moved, size=size).astype(own.dtype)
        total = 1 + counts.sum(0)
        found = own + (counts[..., None] * getattr(others, name)).sum(0)
        spreads = getattr(plain, spread) + (counts * getattr(others, spread)).sum(0)
        parts |= {name: found / total[..., None], spread: spreads / total}
    return plain.replace(**parts)
