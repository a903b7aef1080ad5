"""How far a second head is from a first one: maps where it is right, and where not."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lmkjax.landmarks import points as coordinates
from lmkjax.types import typed


@typed
def truth(maps: Float[Array, "b h w k"], *, sigma_px: float) -> Float[Array, "b h w k"]:
    """What a head says, made clean: a Gaussian of height 1 at each map's highest cell.

    Args:
        maps: logits, probabilities or heatmaps.
        sigma_px: of the Gaussian, heatmap pixels.

    Returns:
        The maps; nothing of them has a gradient.

    Raises:
        ValueError: `sigma_px` is not above 0.
    """
    if sigma_px <= 0:
        raise ValueError(f"Need sigma_px > 0; got {sigma_px}.")
    b, h, w, k = maps.shape
    index = jax.lax.stop_gradient(maps).reshape(b, h * w, k).argmax(1)
    centres = coordinates.centres(h, w)
    top = centres.reshape(h * w, 2)[index]
    away = jnp.square(centres[None, :, :, None] - top[:, None, None]).sum(-1)
    return jnp.exp(-away / (2 * sigma_px**2))


@typed
def falsehood(truth: Float[Array, "b h w k"]) -> Float[Array, "b h w k"]:
    """Where each landmark might be taken to be, wrongly: where all the others are.

    Args:
        truth: see there; of landmarks that lie apart, or a landmark is also false
            where it is.

    Returns:
        For each landmark the sum of the others' maps, cut off at 1; of a landmark
        alone, nothing anywhere.

    Source: Jiang et al., "Regressive Domain Adaptation for Unsupervised Keypoint
        Detection", CVPR 2021.
    """
    return jnp.clip(truth.sum(-1, keepdims=True) - truth, 0.0, 1.0)


@typed
def divergence(
    logits: Float[Array, "b h w k"], target: Float[Array, "b h w k"]
) -> Float[Array, "b k"]:
    """Kullback-Leibler divergence of each map's softmax from a wanted map.

    Args:
        logits: maps before the softmax.
        target: at least 0; made to sum to 1. A map of zeros has the divergence 0.
    """
    total = target.sum((1, 2), keepdims=True)
    share = target / jnp.maximum(total, 1e-12)
    said = jax.nn.log_softmax(logits.astype(jnp.float32), axis=(1, 2))
    return (share * (jnp.log(jnp.maximum(share, 1e-30)) - said)).sum((1, 2))
