"""What a training carries from step to step."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax.sharding import Mesh

from lmkjax.face import compiled
from lmkjax.training import mesh as meshes
from lmkjax.types import Key, Step, purposes


@struct.dataclass
class TrainState:
    """Everything that the next step depends on, besides its batch.

    Attributes:
        step: steps taken.
        params: the network's weights.
        ema: their running average; what is evaluated and shipped.
        opt_state: the optimiser's moments.
        key: the chance of the run's steps; step i draws from `types.one_of(key, i)`.
        memory: what terms keep from step to step.
    """

    step: Step
    params: Any
    ema: Any
    opt_state: Any
    key: Key
    memory: Any = struct.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Start:
    """What a training begins with.

    Attributes:
        init: key to the network's parameters.
        optimizer: whose moments are made.
        memory: makes what terms keep from step to step, as it is before the first.
    """

    init: Callable[[Key], Any]
    optimizer: optax.GradientTransformation
    memory: Callable[[], Any] = dict

    @functools.cached_property
    def drawn(self) -> Callable[[Key], Any]:
        """`init`, traced but once, however often it is called."""
        return jax.jit(self.init)


def create(
    start: Start,
    mesh: Mesh,
    *,
    seed: int,
    fsdp_min_size: int = 0,
    given: Mapping[str, Any] | None = None,
) -> TrainState:
    """The state before the first step, laid out over the mesh.

    Args:
        start: what is made.
        mesh: the devices.
        seed: of the weights and of all chance after them.
        fsdp_min_size: see `mesh.layouts`.
        given: parts of the network, by name, that begin with known weights; what
            would have drawn them is not even compiled.

    Returns:
        The state; the average begins as a copy of the weights.
    """
    make = functools.partial(_first, start)
    outline = _outline(make, mesh, fsdp_min_size)
    layouts = jax.tree.map(lambda x: x.sharding, outline)
    keys = purposes(seed, "weights", "steps")
    asked = compiled.asked(compiled.ONCE, mesh)
    make = jax.jit(make, out_shardings=layouts, compiler_options=asked)
    return make(*keys, given or {})


def shapes(start: Start, mesh: Mesh, *, fsdp_min_size: int = 0) -> TrainState:
    """What `create` makes, as shapes, types and layouts; the devices may be elsewhere.

    Args:
        start: what is made.
        mesh: the devices.
        fsdp_min_size: see `mesh.layouts`.
    """
    return _outline(functools.partial(_first, start), mesh, fsdp_min_size)


def _outline(make, mesh, fsdp_min_size):
    outline = jax.eval_shape(make, *purposes(0, "weights", "steps"), {})
    layouts = meshes.layouts(outline, mesh, fsdp_min_size=fsdp_min_size)
    layouts = layouts.replace(memory=meshes.layouts_of_memory(outline.memory, mesh))
    return jax.tree.map(
        lambda x, layout: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=layout),
        outline,
        layouts,
    )


def _first(
    start: Start, weights: Key, steps: Key, given: Mapping[str, Any]
) -> TrainState:
    params = start.drawn(weights)
    if given:
        params = params | given
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        ema=jax.tree.map(jnp.copy, params),
        opt_state=start.optimizer.init(params),
        key=steps,
        memory=start.memory(),
    )
