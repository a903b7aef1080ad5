"""One training step, jitted once over all devices."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from lmkjax.face import compiled
from lmkjax.training import mesh as meshes
from lmkjax.training import optim
from lmkjax.training.state import TrainState
from lmkjax.types import Key, Metrics, Moment, Scalar, one_of, purpose

Gradient = Callable[..., tuple[Any, Metrics, Any]]
"""(params, key, batches, *, moment) to the gradient, metrics, and what is kept."""


def build(
    gradient: Gradient,
    optimizer: optax.GradientTransformation,
    *,
    peak: float,
    warmup_steps: int,
    ema: float,
    accumulate: int = 1,
    mesh: jax.sharding.Mesh | None = None,
    fsdp_min_size: int = 0,
) -> Callable[[TrainState, Mapping[str, Any], Scalar], tuple[TrainState, Metrics]]:
    """A jitted function that takes one step.

    Args:
        gradient: of what is made small.
        optimizer: of step size 1.
        peak: highest learning rate.
        warmup_steps: of the learning rate.
        ema: decay of the averaged weights.
        accumulate: parts that a batch is worked on in, one after another, so that
            one that does not fit is trained on all the same. The gradient is the
            mean over the parts; a loss that looks at faces together (NWD) looks at
            those of a part.
        mesh: the devices that hold the state; None = leave it where it is.
        fsdp_min_size: see `mesh.layouts`. A step gathers shared parameters, works on
            them whole and adds up their gradients before each device takes its part:
            left to itself, the compiler would share out features instead.

    Returns:
        (state, batches, progress) to (next state, metrics). It gives the old state's
        memory to the new one, so the old state must not be used again. Batches over a
        mesh are worked on where they lie; means over faces are over all devices.
    """
    gradient = _in_parts(gradient, accumulate)
    own = compiled.asked(compiled.OWN_CONVOLUTIONS, mesh)

    def lay(tree: Any, shared: int = fsdp_min_size) -> Any:
        if mesh is None or mesh.size == 1:
            return tree
        layouts = meshes.layouts(tree, mesh, fsdp_min_size=shared)
        return jax.lax.with_sharding_constraint(tree, layouts)

    whole = functools.partial(lay, shared=0)

    @functools.partial(jax.jit, donate_argnums=0, compiler_options=own)
    def train_step(
        state: TrainState, batches: Mapping[str, Any], progress: Scalar
    ) -> tuple[TrainState, Metrics]:
        key = one_of(state.key, state.step)
        moment = Moment(progress, whole(state.ema), state.memory)
        params = whole(state.params)
        grads, metrics, memory = gradient(params, key, batches, moment=moment)
        grads = lay(whole(grads))
        rate = optim.learning_rate(
            state.step, progress, peak=peak, warmup_steps=warmup_steps
        )
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = jax.tree.map(lambda p, u: p + rate * u, state.params, updates)
        decay = optim.ema_decay(state.step, decay=ema)
        average = jax.tree.map(
            lambda old, new: decay * old + (1 - decay) * new, state.ema, params
        )
        # As the old state lay, or its memory could not be taken over.
        params, average, opt_state = lay(params), lay(average), lay(opt_state)
        one = jnp.ones(())
        metrics |= {
            "gradient_norm": (optim.global_norm(grads), one),
            "weights_norm": (optim.global_norm(params), one),
            "learning_rate": (rate, one),
        }
        after = state.replace(
            step=state.step + 1,
            params=params,
            ema=average,
            opt_state=opt_state,
            memory=_lay_memory(memory, mesh),
        )
        return after, metrics

    return train_step


def _lay_memory(memory: Any, mesh: jax.sharding.Mesh | None) -> Any:
    """What terms keep, as it lay before."""
    if mesh is None or mesh.size == 1:
        return memory
    layouts = meshes.layouts_of_memory(memory, mesh)
    return jax.lax.with_sharding_constraint(memory, layouts)


def _in_parts(gradient: Gradient, accumulate: int) -> Gradient:
    """The gradient of a batch worked on in parts, one after another."""
    if accumulate == 1:
        return gradient

    def of_parts(
        params: Any, key: Key, batches: Any, *, moment: Moment
    ) -> tuple[Any, Metrics, Any]:
        def part(number: Scalar | int) -> Any:
            return jax.tree.map(lambda x: _part(x, number, accumulate), batches)

        def add(carried: Any, number: Scalar) -> tuple[Any, None]:
            total, memory = carried
            own, now = one_of(keys, number), moment.replace(memory=memory)
            *found, memory = gradient(params, own, part(number), moment=now)
            return (jax.tree.map(jnp.add, total, tuple(found)), memory), None

        keys = purpose(key, "parts")
        of_first = functools.partial(gradient, moment=moment)
        *shapes, _ = jax.eval_shape(of_first, params, key, part(0))
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), tuple(shapes))
        carried = zeros, moment.memory
        ((grads, metrics), memory), _ = jax.lax.scan(
            add, carried, jnp.arange(accumulate)
        )
        return jax.tree.map(lambda g: g / accumulate, grads), metrics, memory

    return of_parts


def _part(x: jax.Array, number: Scalar | int, parts: int) -> jax.Array:
    """Every `parts`-th face: so each device gives of its own, and nothing moves."""
    apart = x.reshape(x.shape[0] // parts, parts, *x.shape[1:])
    return jax.lax.dynamic_index_in_dim(apart, number, axis=1, keepdims=False)
