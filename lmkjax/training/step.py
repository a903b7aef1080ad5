"""One training step, jitted once over all devices."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from lmkjax.training import optim
from lmkjax.training.state import TrainState
from lmkjax.types import Metrics, Scalar

Loss = Callable[..., tuple[Scalar, Metrics]]
"""(params, key, batches, *, step) to the loss and its metrics."""


def build(
    loss: Loss,
    optimizer: optax.GradientTransformation,
    *,
    peak: float,
    warmup_steps: int,
    ema: float,
) -> Callable[[TrainState, Mapping[str, Any], Scalar], tuple[TrainState, Metrics]]:
    """A jitted function that takes one step.

    Args:
        loss: what is made small.
        optimizer: of step size 1.
        peak: highest learning rate.
        warmup_steps: of the learning rate.
        ema: decay of the averaged weights.

    Returns:
        (state, batches, progress) to (next state, metrics). It gives the old state's
        memory to the new one, so the old state must not be used again. Batches that
        are shared out over a mesh are worked on where they lie; the means over faces
        are means over all devices.
    """

    @functools.partial(jax.jit, donate_argnums=0)
    def train_step(
        state: TrainState, batches: Mapping[str, Any], progress: Scalar
    ) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        grads, metrics = jax.grad(
            lambda params: loss(params, key, batches, step=state.step), has_aux=True
        )(state.params)
        rate = optim.learning_rate(
            state.step, progress, peak=peak, warmup_steps=warmup_steps
        )
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = jax.tree.map(lambda p, u: p + rate * u, state.params, updates)
        decay = optim.ema_decay(state.step, decay=ema)
        average = jax.tree.map(
            lambda old, new: decay * old + (1 - decay) * new, state.ema, params
        )
        one = jnp.ones(())
        metrics |= {
            "gradient_norm": (optax.tree.norm(grads), one),
            "learning_rate": (rate, one),
        }
        return (
            state.replace(
                step=state.step + 1, params=params, ema=average, opt_state=opt_state
            ),
            metrics,
        )

    return train_step
