"""Learning to find faces: scenes, a step, what is kept of it."""

import functools
import pathlib
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import serialization

from lmkjax import files
from lmkjax.detect.finder import heads, scenes, targets
from lmkjax.losses import centres
from lmkjax.models import face_finder
from lmkjax.training import averaged
from lmkjax.types import host_seed, purpose

KEEP_EVERY = 250
"""Steps between two states that are kept."""
STATE = "state.msgpack"
MEMORY = 0.998
"""Share of the averaged weights that stays in a step."""


class Options(NamedTuple):
    """How to learn.

    Attributes:
        steps: of the optimiser.
        batch: scenes a step.
        size: of a scene, pixels; a multiple of 32.
        rate: of learning, at most.
        seed: of all chance.
    """

    steps: int = 9000
    batch: int = 16
    size: int = 192
    rate: float = 2e-3
    seed: int = 0


class State(NamedTuple):
    """Where a training is.

    Attributes:
        params: weights.
        average: of them, over the last steps.
        optimiser: its state.
    """

    params: Any
    average: Any
    optimiser: Any


def train(workdir: pathlib.Path, pool: heads.Heads, options: Options) -> list[float]:
    """Trains until it is over, and writes the averaged weights; the last losses."""
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, options.rate, min(200, options.steps // 10), options.steps
    )
    optimiser = optax.chain(
        optax.clip_by_global_norm(10.0), optax.adamw(schedule, weight_decay=1e-3)
    )
    state, begin = _begin(workdir, optimiser, options), 0
    if (workdir / STATE).is_file():
        kept = (workdir / STATE).read_bytes()
        begin, state = serialization.from_bytes((0, tuple(state)), kept)
        state = State(*state)
    step, losses, since = _step(optimiser), [], time.monotonic()
    for number in range(begin, options.steps):
        batch = batch_of(pool, options, number)
        state, parts = step(state, *batch, jnp.asarray(number))
        losses.append(parts)
        if (number + 1) % KEEP_EVERY == 0 or number + 1 == options.steps:
            told = np.mean(np.array(losses[-KEEP_EVERY:]), axis=0)
            pace = (time.monotonic() - since) / len(losses)
            print(
                f"step {number + 1}: focal {told[0]:.3f}, boxes {told[1]:.3f},"
                f" {pace:.2f} s a step",
                flush=True,
            )
            files.write(
                workdir / STATE, serialization.to_bytes((number + 1, tuple(state)))
            )
            half = jax.tree.map(lambda x: np.asarray(x, np.float16), state.average)
            averaged.save(half, workdir / averaged.EXPORTED)
    return [float(sum(parts)) for parts in losses[-20:]]


def batch_of(
    pool: heads.Heads, options: Options, number: int
) -> tuple[np.ndarray, targets.Target]:
    """The scenes of a step, float32, and what should be said of them."""
    rng = np.random.RandomState(host_seed(options.seed, f"scenes {number}"))
    drawn = [scenes.draw(rng, pool, options.size) for _ in range(options.batch)]
    images = np.stack([scene.image for scene in drawn]) / np.float32(255)
    wanted = zip(*map(targets.of, drawn), strict=True)
    return images, targets.Target(*(np.stack(part) for part in wanted))


def _begin(workdir, optimiser, options) -> State:
    module = face_finder.FaceFinder()
    blank = jnp.zeros((1, options.size, options.size, 3))
    params = jax.jit(module.init)(purpose(options.seed, "finder"), blank)["params"]
    return State(params, jax.tree.map(jnp.copy, params), optimiser.init(params))


def _step(optimiser):
    module = face_finder.FaceFinder()

    def loss(params, images, wanted):
        said = module.apply({"params": params}, images)
        score = centres.focal(said[..., 0], wanted.near, wanted.asked)
        found = face_finder.boxes(said)
        size = centres.overlap(found, wanted.boxes, wanted.weight)
        return score + 2 * size, (score, size)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, images, wanted, number):
        grads, parts = jax.grad(loss, has_aux=True)(state.params, images, wanted)
        moves, inner = optimiser.update(grads, state.optimiser, state.params)
        params = optax.apply_updates(state.params, moves)
        share = jnp.minimum(MEMORY, (1 + number) / (10 + number))
        average = jax.tree.map(
            lambda old, new: share * old + (1 - share) * new, state.average, params
        )
        return State(params, average, inner), parts

    return step
