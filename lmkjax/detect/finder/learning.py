"""Learning to find faces: scenes, a step, what is kept of it."""

import collections
import concurrent.futures
import functools
import math
import pathlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import serialization

from lmkjax import files
from lmkjax.detect.finder import targets
from lmkjax.errors import UserError
from lmkjax.face import compiled
from lmkjax.losses import centres
from lmkjax.models import face_finder
from lmkjax.training import averaged
from lmkjax.types import Key, each_of, host_seed, one_of, purpose, purposes

KEEP_EVERY = 250
"""Steps between two states that are kept."""
STATE = "state.msgpack"
MEMORY = 0.998
"""Share of the averaged weights that stays in a step."""
RIM = 32
"""Pixels that a scene has more than what is seen of it, each time another part."""
WARM_UP = 200
"""Steps in which the rate of learning rises, a tenth of a shorter training's."""
READERS, AHEAD = 4, 8
"""Threads that read batches, and how many steps ahead."""
GAIN, TINT, POWER, LIFT, GREY = 0.15, 0.05, 0.15, 0.04, 0.05
"""How a scene's colours change each time that it is seen: spreads of the logarithms of
factors on all light, on each colour's, of an exponent; of a sum; share of grey ones."""


class Options(NamedTuple):
    """How to learn.

    Attributes:
        steps: of the optimiser.
        batch: scenes a step.
        size: of what is seen of a scene, pixels; a multiple of 32.
        rate: of learning, at most.
        minutes: after which this call ends, its rate of learning gone down by then as
            over all steps; 0 = it ends with the steps.
        seed: of all chance.
    """

    steps: int = 9000
    batch: int = 16
    size: int = 160
    rate: float = 2e-3
    minutes: float = 0.0
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


def train(workdir: pathlib.Path, bank: targets.Bank, options: Options) -> list[float]:
    """Trains until it is over, and writes the averaged weights; the last losses.

    Raises:
        UserError: the loss is no longer finite; nothing is written then.
    """
    optimiser = optax.chain(
        optax.clip_by_global_norm(10.0),
        optax.scale_by_adam(),
        optax.add_decayed_weights(1e-3),
    )
    state, begin = _begin(workdir, optimiser, options), 0
    if (workdir / STATE).is_file():
        kept = (workdir / STATE).read_bytes()
        begin, state = serialization.from_bytes((0, tuple(state)), kept)
        state = State(*state)
    warm_up = max(1, min(WARM_UP, options.steps // 10))
    step, losses, since = _step(optimiser, options), [], time.monotonic()
    for number, batch in _ahead(bank, options, begin):
        share = _share(number, options, time.monotonic() - since)
        rate = (
            options.rate
            * min(1, number / warm_up)
            * (1 + math.cos(math.pi * share))
            / 2
        )
        state, parts = step(state, *batch, jnp.asarray(number), jnp.float32(rate))
        losses.append(parts)
        jax.block_until_ready(losses[-AHEAD:][0])  # or minutes would be of the host
        over = share >= 1 or number + 1 == options.steps
        if (number + 1) % KEEP_EVERY == 0 or over:
            told = np.mean(np.array(losses[-KEEP_EVERY:]), axis=0)
            if not np.isfinite(told).all():
                raise UserError(
                    f"At step {number + 1} the loss is no number any more; what was"
                    f" kept in {workdir} before stays. Try a smaller --rate than"
                    f" {options.rate:g}."
                )
            pace = (time.monotonic() - since) / len(losses)
            print(
                f"step {number + 1}: focal {told[0]:.3f}, boxes {told[1]:.3f},"
                f" {pace:.3f} s a step",
                flush=True,
            )
            files.write(
                workdir / STATE, serialization.to_bytes((number + 1, tuple(state)))
            )
            half = jax.tree.map(lambda x: np.asarray(x, np.float16), state.average)
            averaged.save(half, workdir / averaged.EXPORTED)
        if over:
            break
    return [float(sum(parts)) for parts in losses[-20:]]


def _share(number: int, options: Options, spent_s: float) -> float:
    """How much of a training is over, 0 to 1."""
    share = number / options.steps
    if options.minutes:
        share = max(share, spent_s / 60 / options.minutes)
    return min(share, 1.0)


def batch_of(
    bank: targets.Bank, options: Options, number: int
) -> tuple[np.ndarray, targets.Target]:
    """The scenes of a step, uint8, and what should be said of them."""
    rng = np.random.RandomState(host_seed(options.seed, f"scenes {number}"))
    return bank.of(np.sort(rng.randint(len(bank.images), size=options.batch)))


def _ahead(bank, options: Options, begin: int) -> Iterator[tuple[int, tuple]]:
    """Each step's number and batch, read while the steps before are made."""
    with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
        waiting: collections.deque = collections.deque()
        for number in range(begin, options.steps + AHEAD):
            if number < options.steps:
                task = readers.submit(batch_of, bank, options, number)
                waiting.append((number, task))
            if number >= begin + AHEAD and waiting:
                first, task = waiting.popleft()
                yield first, task.result()


def seen(
    key: Key, image: jax.Array, wanted: targets.Target, size: int
) -> tuple[jax.Array, targets.Target]:
    """Another look at a scene: a part of it, maybe mirrored, in other colours.

    Args:
        key: of the chance.
        image: uint8 [side, side, 3].
        wanted: of it.
        size: of the part, pixels.

    Returns:
        The part, float32 in [0, 1], and what is wanted of it.
    """
    places, mirror, colours, grey = purposes(key, "place", "mirror", "colours", "grey")
    stride, rim = face_finder.STRIDE, image.shape[0] - size
    corner = jax.random.randint(places, (2,), 0, rim // stride + 1)

    def part(x, first, side):
        start = (*first, *[0] * (x.ndim - 2))
        return jax.lax.dynamic_slice(x, start, (side, side, *x.shape[2:]))

    image = part(image.astype(jnp.float32) / 255, corner * stride, size)
    wanted = jax.tree.map(lambda x: part(x, corner, size // stride), wanted)
    left, top, right, bottom = jnp.moveaxis(wanted.boxes, -1, 0)
    y, x = corner * stride
    left, top, right, bottom = left - x, top - y, right - x, bottom - y
    boxes = jnp.stack([left, top, right, bottom], -1)
    turned = jnp.stack([size - right, top, size - left, bottom], -1)
    both = image, wanted._replace(boxes=boxes)
    other = image, wanted._replace(boxes=turned)
    other = jax.tree.map(lambda x: x[:, ::-1], other)
    flip = jax.random.bernoulli(mirror)
    image, wanted = jax.tree.map(lambda a, b: jnp.where(flip, b, a), both, other)
    return _coloured(colours, grey, image), wanted


def _coloured(colours, grey, image):
    """In other light, through another camera."""
    draw = jax.random.normal(colours, (6,))
    gain = jnp.exp(GAIN * draw[0] + TINT * draw[1:4])[None, None]
    image = jnp.maximum(image, 1e-4) ** jnp.exp(POWER * draw[4]) * gain
    dull = image.mean(-1, keepdims=True)
    image = jnp.where(jax.random.bernoulli(grey, GREY), dull, image)
    return jnp.clip(image + LIFT * draw[5], 0, 1)


def _begin(workdir, optimiser, options) -> State:
    module = face_finder.FaceFinder()
    blank = jnp.zeros((1, options.size, options.size, 3))
    params = jax.jit(module.init)(purpose(options.seed, "finder"), blank)["params"]
    return State(params, jax.tree.map(jnp.copy, params), optimiser.init(params))


def _step(optimiser, options):
    chance = purpose(options.seed, "looks")
    module = face_finder.FaceFinder()

    def loss(params, images, wanted):
        said = module.apply({"params": params}, images)
        score = centres.focal(said[..., 0], wanted.near, wanted.asked)
        found = face_finder.boxes(said)
        size = centres.overlap(found, wanted.boxes, wanted.weight)
        return score + 2 * size, (score, size)

    asked = compiled.asked(compiled.OWN_CONVOLUTIONS)

    @functools.partial(jax.jit, donate_argnums=0, compiler_options=asked)
    def step(state, images, wanted, number, rate):
        keys = each_of(one_of(chance, number), jnp.arange(len(images)))
        look = functools.partial(seen, size=options.size)
        images, wanted = jax.vmap(look)(keys, images, wanted)
        grads, parts = jax.grad(loss, has_aux=True)(state.params, images, wanted)
        moves, inner = optimiser.update(grads, state.optimiser, state.params)
        moves = jax.tree.map(lambda move: -rate * move, moves)
        params = optax.apply_updates(state.params, moves)
        share = jnp.minimum(MEMORY, (1 + number) / (10 + number))
        average = jax.tree.map(
            lambda old, new: share * old + (1 - share) * new, state.average, params
        )
        return State(params, average, inner), parts

    return step
