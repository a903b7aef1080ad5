"""The only loop: step, log, save; it does not know what it makes small."""

import contextlib
import dataclasses
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from lmkjax import hosts
from lmkjax.errors import UserError
from lmkjax.training import checkpoint, log
from lmkjax.training import mesh as meshes
from lmkjax.training.state import TrainState
from lmkjax.types import Metrics

AGREE_EVERY = 8
"""Steps after which several processes agree on the time and on whether to stop."""


@dataclasses.dataclass(frozen=True)
class Length:
    """How long a training is: by steps, or by the clock where `steps` is 0."""

    steps: int
    minutes: float

    def __post_init__(self):
        if (self.steps > 0) == (self.minutes > 0) or min(self.steps, self.minutes) < 0:
            raise UserError(
                "Wanted one of --config.train.steps and --config.train.minutes above 0"
                f" and the other 0; got {self.steps} steps and {self.minutes} minutes."
            )

    def progress(self, step: int, seconds: float) -> float:
        """The share of the training that is over, 0 to 1."""
        done = step / self.steps if self.steps else seconds / (60 * self.minutes)
        return min(1.0, done)


@dataclasses.dataclass(frozen=True)
class Rhythm:
    """How often things happen, in steps."""

    log_every: int
    save_every: int


@dataclasses.dataclass
class Result:
    """What a training was.

    Attributes:
        state: after the last step.
        finished: False where a signal ended it early.
        compile_s: seconds the step took to compile.
        flops: of one step, as the compiler counts them, per device.
        images_per_s: over all steps of this process's life.
        waiting: share of the time spent waiting for data.
    """

    state: TrainState
    finished: bool
    compile_s: float = 0.0
    flops: float = 0.0
    images_per_s: float = 0.0
    waiting: float = 0.0


def run(
    state: TrainState,
    train_step: Callable[..., tuple[TrainState, Metrics]],
    open_streams: Mapping[str, Callable[[int], Iterator[Any]]],
    mesh: jax.sharding.Mesh,
    workdir: pathlib.Path,
    *,
    length: Length,
    rhythm: Rhythm,
) -> Result:
    """Trains until the length is reached or a signal asks to stop.

    Goes on from the newest checkpoint in `workdir`, if there is one. At the end, and
    on SIGTERM or Ctrl-C, a checkpoint is saved.

    Args:
        state: before the first step.
        train_step: jitted; see `step.build`.
        open_streams: for each stream, from a step to its batches from there on.
        mesh: the devices.
        workdir: the run's folder.
        length: of the training.
        rhythm: of logging and saving.

    Returns:
        The state and what was measured.
    """
    checkpoints = checkpoint.Checkpoints(workdir / checkpoint.FOLDER)
    seconds, step = 0.0, 0
    if restored := checkpoints.restore(state):
        state, place = restored
        seconds, step = place["seconds"], int(state.step)
        if hosts.lead():
            print(f"Going on from step {step}.", flush=True)
    if length.progress(step, seconds) >= 1:
        checkpoints.close()
        return Result(state, finished=True)

    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(_stop_signal())
        stack.callback(checkpoints.close)
        bar = log.Bar(shown=hosts.lead())
        stack.callback(bar.close)
        logger = log.Log(workdir, step=step) if hosts.lead() else None
        if logger:
            stack.callback(logger.close)
        streams = {name: open_at(step) for name, open_at in open_streams.items()}

        batches = _take(streams, mesh)
        faces = sum(jax.tree.leaves(batch)[0].shape[0] for batch in batches.values())
        progress = meshes.scalar(mesh, length.progress(step, seconds))
        compiled, compile_s, flops = _compile(train_step, state, batches, progress)
        clock, first, metrics, rate = _Clock(seconds), step, {}, 0.0
        over = stopped = False
        while not (over or stopped):
            before = metrics
            state, metrics = compiled(state, batches, progress)
            step += 1
            with clock.waiting():  # the devices work meanwhile
                batches = _take(streams, mesh)
            jax.block_until_ready(before)  # one step ahead of the devices, not more
            if jax.process_count() == 1 or step % AGREE_EVERY == 0:
                seconds, stopped = _agree(clock.seconds(), stop.is_set())
            over = length.progress(step, seconds) >= 1
            progress = meshes.scalar(mesh, length.progress(step, seconds))
            rate = faces * (step - first) / clock.lived()
            if logger and (over or step % rhythm.log_every == 0):
                told = jax.device_get(metrics)
                figures = {name: float(a / n) for name, (a, n) in told.items()}
                figures |= {"images_per_s": rate, "waiting": clock.waited_share()}
                logger.write(step, figures)
                share = length.progress(step, seconds)
                left = seconds * (1 - share) / max(share, 1e-9)
                bar.update(step, share, figures["loss"], rate, left)
            if not over and step % rhythm.save_every == 0:
                checkpoints.save(state, _place(seconds, step, streams))
        checkpoints.save(state, _place(seconds, step, streams))
        return Result(state, over, compile_s, flops, rate, clock.waited_share())


def _take(streams: Mapping[str, Iterator[Any]], mesh: jax.sharding.Mesh) -> Any:
    return {name: meshes.put(mesh, next(stream)) for name, stream in streams.items()}


def _place(seconds: float, step: int, streams: Mapping[str, Any]) -> dict[str, Any]:
    """Where the run stands: each stream has handed over one batch per step."""
    return {"seconds": seconds, "streams": {name: step for name in streams}}


def _agree(seconds: float, stop: bool) -> tuple[float, bool]:
    """The first process's clock, and whether any process was asked to stop."""
    told = hosts.gather(np.array([[seconds, stop]]))
    return float(told[0, 0]), bool(told[:, 1].any())


def _compile(
    train_step, state, batches, progress
) -> tuple[Callable[..., Any], float, float]:
    """The step compiled for these shapes, the seconds it took, and its FLOPs."""
    began = time.monotonic()
    compiled = train_step.lower(state, batches, progress).compile()
    cost = compiled.cost_analysis() or {}
    return compiled, time.monotonic() - began, float(cost.get("flops", 0.0))


class _Clock:
    """Seconds trained, over all lives of a run, and seconds waited for data."""

    def __init__(self, already_s: float):
        self._born, self._already_s, self._waited = time.monotonic(), already_s, 0.0

    def lived(self) -> float:
        """Seconds of this process's life in the loop."""
        return max(time.monotonic() - self._born, 1e-9)

    def seconds(self) -> float:
        """Seconds trained."""
        return self._already_s + self.lived()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time inside as waited."""
        began = time.monotonic()
        yield
        self._waited += time.monotonic() - began

    def waited_share(self) -> float:
        """The share of the time that was waited, 0 to 1."""
        return self._waited / self.lived()


@contextlib.contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; a second Ctrl-C interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number, frame):
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    old = {n: signal.signal(n, ask) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
