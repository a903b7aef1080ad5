"""The loss of a network that finds faces: where they are, and how large."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lmkjax.types import typed


@typed
def focal(
    logits: Float[Array, "b y x"],
    near: Float[Array, "b y x"],
    asked: Float[Array, "b y x"],
) -> Float[Array, ""]:
    """Cross entropy, less of what is known already and of cells near a face.

    Args:
        logits: of a face.
        near: 1 in the cell of a face's middle, falling to 0 beside it.
        asked: 1 where an answer is judged, else 0.

    Returns:
        The sum over all cells, divided by the number of faces (at least 1).

    Source: Zhou et al., "Objects as Points", 2019, after Law and Deng, "CornerNet",
        ECCV 2018.
    """
    here = near >= 1
    share = jax.nn.sigmoid(logits)
    found = -jax.nn.log_sigmoid(logits) * (1 - share) ** 2
    false = -jax.nn.log_sigmoid(-logits) * share**2 * (1 - near) ** 4
    total = (jnp.where(here, found, false) * asked).sum()
    return total / jnp.maximum((here * asked).sum(), 1)


@typed
def overlap(
    pred: Float[Array, "*b 4"], target: Float[Array, "*b 4"], weight: Float[Array, "*b"]
) -> Float[Array, ""]:
    """1 - generalised IoU of boxes, their weighted mean; 0 if none has weight.

    Source: Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019.
    """

    def area(low, high):
        return jnp.prod(jnp.maximum(high - low, 0), -1)

    a, b, c, d = pred[..., :2], pred[..., 2:], target[..., :2], target[..., 2:]
    both = area(jnp.maximum(a, c), jnp.minimum(b, d))
    either = area(a, b) + area(c, d) - both
    around = area(jnp.minimum(a, c), jnp.maximum(b, d))
    either, around = jnp.maximum(either, 1e-3), jnp.maximum(around, 1e-3)
    giou = both / either - (around - either) / around
    return ((1 - giou) * weight).sum() / jnp.maximum(weight.sum(), 1e-6)
