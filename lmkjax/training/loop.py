"""The only loop: step, log, save; it does not know what it makes small."""

import contextlib
import dataclasses
import math
import os
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
from lmkjax.training import checkpoint, log, trouble
from lmkjax.training import mesh as meshes
from lmkjax.training import validation as validations
from lmkjax.training.state import TrainState
from lmkjax.types import Metrics

AGREE_EVERY = 8
"""Steps after which several processes agree on the time and on whether to stop."""
STOPPING = b"Stopping after this step; Ctrl-C again ends at once, unsaved.\n"


@dataclasses.dataclass(frozen=True)
class Length:
    """How long a training is: by steps, or by the clock where `steps` is 0."""

    steps: int
    minutes: float

    def __post_init__(self):
        if (self.steps > 0) == (self.minutes > 0):
            raise UserError(
                "Wanted one of --config.train.steps and --config.train.minutes above 0"
                f" and the other 0; got {self.steps} steps and {self.minutes} minutes."
            )

    def progress(self, step: int, seconds: float) -> float:
        """The share of the training that is over, 0 to 1."""
        done = step / self.steps if self.steps else seconds / (60 * self.minutes)
        return min(1.0, done)


@dataclasses.dataclass(frozen=True)
class Intervals:
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
    intervals: Intervals,
    validation: validations.Validation | None = None,
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
        intervals: of logging and saving.
        validation: held-out faces to look at now and then; None = there are none.

    Returns:
        The state and what was measured.

    Raises:
        UserError: a figure is no longer finite, a device has no memory left, or the
            newest checkpoint cannot be taken up. Checkpoints are finite ones always.
    """
    checkpoints = checkpoint.Checkpoints(workdir / checkpoint.FOLDER)
    state, seconds, step = _take_up(checkpoints, state)
    if length.progress(step, seconds) >= 1:
        checkpoints.close()
        return Result(state, finished=True)

    with contextlib.ExitStack() as stack:
        stack.enter_context(trouble.memory_told())
        stop = stack.enter_context(_stop_signal())
        stack.callback(checkpoints.close)
        report = stack.enter_context(_Report(workdir, step))
        best = validations.Best(workdir, validation) if validation else None
        streams = {name: open_at(step) for name, open_at in open_streams.items()}
        for stream in streams.values():
            stack.callback(stream.close)

        batches = _take(streams, mesh)
        progress = meshes.scalar(mesh, length.progress(step, seconds))
        compiled, compile_s, flops = _compile(train_step, state, batches, progress)
        clock = log.Clock(seconds, faces=_faces(batches))
        watch = trouble.Watch()
        account = _Account(checkpoints, report, best, clock, watch, intervals, workdir)
        metrics, over, stopped = {}, False, _agree(seconds, stop.is_set())[1]
        if stopped:
            checkpoints.save(state, {"seconds": seconds})
        while not (over or stopped):
            before = metrics
            state, metrics = compiled(state, batches, progress)
            step, clock.steps = step + 1, clock.steps + 1
            watch.add(step, metrics)
            with clock.waiting():  # the devices work meanwhile
                batches = _take(streams, mesh)
            jax.block_until_ready(before)  # one step ahead of the devices, not more
            if jax.process_count() == 1 or step % AGREE_EVERY == 0:
                seconds, stopped = _agree(clock.seconds(), stop.is_set())
            share = length.progress(step, seconds)
            over, progress = share >= 1, meshes.scalar(mesh, share)
            now = _Now(step, seconds, share, over=over, stopped=stopped)
            account.settle(now, state, metrics)
        return Result(state, over, compile_s, flops, **clock.figures())


@dataclasses.dataclass(frozen=True)
class _Now:
    """How far a training is."""

    step: int
    seconds: float
    share: float
    over: bool
    stopped: bool


@dataclasses.dataclass(frozen=True)
class _Account:
    """What is measured, told and saved every so many steps, and at the end."""

    checkpoints: checkpoint.Checkpoints
    report: "_Report"
    best: validations.Best | None
    clock: log.Clock
    watch: trouble.Watch
    intervals: Intervals
    workdir: pathlib.Path

    def settle(self, now: _Now, state: TrainState, metrics: Metrics) -> None:
        """Does what is due after a step.

        Raises:
            UserError: a figure is no longer finite; the state is not saved.
        """
        intervals, best, step = self.intervals, self.best, now.step
        save = now.over or now.stopped or step % intervals.save_every == 0
        look = best and (now.over or step % best.every == 0)
        tell = now.over or look or step % intervals.log_every == 0
        if not (save or tell or self.watch.due):
            return
        wrong = self.watch.look()
        figures = self.clock.figures()
        if look and not wrong:
            with self.clock.paused():
                figures[validations.NME] = best.measure(state.ema, step)
        if tell or wrong:
            self.report.write(
                step, metrics, figures, share=now.share, seconds=now.seconds
            )
        if wrong:
            raise _not_finite(*wrong, self.workdir)
        if save:
            self.checkpoints.save(state, {"seconds": now.seconds})


def _take_up(
    checkpoints: checkpoint.Checkpoints, state: TrainState
) -> tuple[TrainState, float, int]:
    """The state to go on from, the seconds trained and the steps taken before."""
    restored = checkpoints.restore(state)
    if not restored:
        return state, 0.0, 0
    state, place = restored
    if hosts.lead():
        print(f"Going on from step {int(state.step)}.", flush=True)
    return state, place["seconds"], int(state.step)


class _Report:
    """What one process of all tells: a line in the log, and the bar."""

    def __init__(self, workdir: pathlib.Path, step: int):
        self._log = log.Log(workdir, step=step) if hosts.lead() else None
        self._bar = log.Bar(shown=hosts.lead())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._bar.close()
        if self._log:
            self._log.close()

    def write(self, step, metrics, speed, *, share: float, seconds: float) -> None:
        """Adds a step's metrics, and what is known of the speed."""
        if not self._log:
            return
        told = jax.device_get(metrics)
        figures = {
            name: float(a / n) if n else math.nan for name, (a, n) in told.items()
        }
        self._log.write(step, figures | speed)
        left = seconds * (1 - share) / max(share, 1e-9)
        self._bar.update(step, share, figures["loss"], speed["images_per_s"], left)


def _not_finite(step: int, name: str, value: float, workdir: pathlib.Path) -> UserError:
    """What was not finite, what is kept, and what to try."""
    kept = checkpoint.steps(workdir / checkpoint.FOLDER)
    saved, begin = "no checkpoint was saved yet", ""
    if kept:
        saved = f"the checkpoint of step {kept[-1]} is kept"
        begin = f"; --config.train.init_from={workdir} begins with the weights kept"
    return UserError(
        f"Stopped: '{name}' was {value} at step {step}, for the first time; {saved}."
        " Try, with another --workdir, a lower --config.optimizer.learning_rate,"
        f" --config.model.dtype=float32, or a lower weight of that term{begin}."
    )


def _faces(batches: Any) -> int:
    """Faces of all streams' batches together."""
    return sum(jax.tree.leaves(batch)[0].shape[0] for batch in batches.values())


def _take(streams: Mapping[str, Iterator[Any]], mesh: jax.sharding.Mesh) -> Any:
    return {name: meshes.put(mesh, next(stream)) for name, stream in streams.items()}


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
        if number == signal.SIGINT:
            os.write(2, STOPPING)  # print may be at work already

    old = {n: signal.signal(n, ask) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
