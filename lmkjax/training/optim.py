"""The optimiser, and how its step size runs over a training."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from lmkjax.types import Scalar, Step, typed

SMALL = 2**14
"""Numbers of an array from which on it is worth a sum of its own."""


@dataclasses.dataclass(frozen=True)
class Moves:
    """How weights move, as in `configs/base.py`."""

    learning_rate: float
    warmup_steps: int
    weight_decay: float
    clip_norm: float
    ema: float


def adamw(*, weight_decay: float, clip_norm: float) -> optax.GradientTransformation:
    """AdamW of step size 1, gradients clipped to a global norm.

    The step size is multiplied on afterwards, which is the same since AdamW's decay
    is decoupled, so that it may follow the clock as well as a count of steps.

    Args:
        weight_decay: of kernels, and of how far learned places move: of all that has
            two axes or more; scales and biases have none.
        clip_norm: of all gradients together.

    Returns:
        The transformation.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
        ICLR 2019.
    """
    return optax.chain(
        _clip(clip_norm),
        optax.adamw(1.0, weight_decay=weight_decay, mask=_is_kernel),
    )


def global_norm(tree: Any) -> Scalar:
    """The Euclidean norm of all numbers of a tree's arrays together.

    `optax.global_norm` adds up array by array, which for hundreds of them is half of
    what XLA compiles of an optimiser. Here the small ones are laid end to end.
    """
    leaves = jax.tree.leaves(tree)
    small = [jax.lax.reshape(x, (x.size,)) for x in leaves if x.size < SMALL]
    large = [x for x in leaves if x.size >= SMALL]
    if small:
        large.append(jnp.concatenate(small))
    return jnp.sqrt(sum(jnp.sum(jnp.square(x)) for x in large))


def _clip(longest: float) -> optax.GradientTransformation:
    """Gradients clipped to a global norm, all by one factor."""

    def update(grads: Any, params: Any = None) -> Any:
        del params
        factor = longest / jnp.maximum(global_norm(grads), longest)
        return jax.tree.map(lambda g: factor * g, grads)

    return optax.stateless(update)


def _is_kernel(params: Any) -> Any:
    return jax.tree.map(lambda x: x.ndim > 1, params)


@typed
def learning_rate(
    step: Step, progress: Float[Array, ""], *, peak: float, warmup_steps: int
) -> Scalar:
    """Linear warm-up by steps, then half a cosine by the share of the run that is over.

    Args:
        step: steps taken before this one.
        progress: how much of the run is over, by steps or by the clock; 0 to 1.
        peak: the highest rate.
        warmup_steps: after how many steps the warm-up is over.

    Returns:
        The step size of this step.
    """
    warm = jnp.minimum(1.0, (step + 1) / max(1, warmup_steps))
    cosine = 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(progress, 0.0, 1.0)))
    return jnp.asarray(peak * warm * cosine, jnp.float32)


@typed
def ema_decay(step: Step, *, decay: float) -> Scalar:
    """The decay of the averaged weights, smaller while there is little to average."""
    return jnp.minimum(decay, (step + 1) / (step + 10)).astype(jnp.float32)
