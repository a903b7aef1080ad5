"""The planned runs, one after another: what is over is skipped, what broke goes on."""

import contextlib
import dataclasses
import gc
import json
import pathlib
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence

import rich.console
import rich.progress

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.experiment import config_file, init_from
from lmkjax.experiment import run as experiments
from lmkjax.reproduction import figures, speed
from lmkjax.reproduction.runs import REPORT, RUNS, Run
from lmkjax.training import log

LOGS, HELD = "logs", "held"
"""Folders: of what each run says, and of locks."""
LOOK_S = 5.0
"""Seconds between two looks at how far a run is."""
STOOD_S = 60.0
"""Seconds without a look, after which the program was suspended in between."""
SAY_S = 300.0
"""Seconds between two lines where there is no terminal."""


@dataclasses.dataclass(frozen=True)
class Job:
    """Which part of the runs this process does.

    Attributes:
        number: from 1.
        count: of all jobs.
    """

    number: int = 1
    count: int = 1

    def mine(self, runs: Sequence[Run]) -> list[Run]:
        """Every `count`-th of them."""
        return [run for i, run in enumerate(runs) if self.of(i) == self.number]

    def of(self, index: int) -> int:
        """Which job does the run at a place of the plan."""
        return index % self.count + 1


@dataclasses.dataclass(frozen=True)
class Work:
    """What there is to do, and where.

    Attributes:
        runs: all that are planned, in order.
        out: the reproduction's folder.
        size: of the configs.
        job: which part of them is done here.
        estimate: how long they take.
        wait_s: how long to wait for what another job has not finished.
    """

    runs: Sequence[Run]
    out: pathlib.Path
    size: str
    job: Job
    estimate: speed.Estimate
    wait_s: float = 0.0

    def over(self) -> dict[str, figures.Figures]:
        """The figures of the planned runs that are over; see there."""
        return over(self.runs, self.out)


def over(runs: Sequence[Run], out: pathlib.Path) -> dict[str, figures.Figures]:
    """The figures of the planned runs that are over.

    Figures may have come from another machine without the runs' folders: what one
    that is left needs of such a run is made anew, to its end.

    Args:
        runs: all that are planned, in order.
        out: the reproduction's folder.
    """
    own = {run.name: run for run in runs}
    found = figures.load(out)
    there = {n: f for n, f in found.items() if n in own and f.is_of(own[n])}
    for run in reversed(runs):  # what is needed stands before
        if run.name not in there:
            for name in run.needs:
                if not _ended(out, name):
                    there.pop(name, None)
    return there


def _ended(out: pathlib.Path, name: str) -> bool:
    """Whether a run came to its end in this folder."""
    return (out / RUNS / name / REPORT / "results.json").is_file()


def do(work: Work) -> list[str]:
    """Does this job's runs; a failed one costs itself and what needs it.

    Returns:
        What did not come to its end, a line each.

    Raises:
        UserError: what this job's runs need is another job's, and not over.
    """
    wrong: dict[str, str] = {}
    waited_until = time.monotonic() + work.wait_s
    with _Line(work) as line:
        while todo := _todo(work, wrong, line.over):
            ready = next((run for run in todo if run.needs <= line.over), None)
            if ready is None:
                line.over = set(work.over())
                if any(run.needs <= line.over for run in todo):
                    continue
                if time.monotonic() >= waited_until:
                    raise UserError(_waiting(todo, work, line.over))
                line.say("waiting for another job")
                time.sleep(min(LOOK_S, work.wait_s))
                continue
            why = _one(ready, work, line)
            if why == STOPPED:
                return [*wrong.values(), f"{ready.name}: {STOPPED}"]
            if why:
                wrong[ready.name] = f"{ready.name}: {why}"
            line.over = set(work.over())
            waited_until = time.monotonic() + work.wait_s
    return list(wrong.values())


STOPPED = "stopped and saved; the same command goes on there."


def _todo(work: Work, wrong: Collection[str], over: Collection[str]) -> list[Run]:
    """What is left of this job, without what failed or needs what failed."""
    lost = set(wrong)
    for run in work.runs:  # in order: what is needed stands before
        lost |= {run.name} if run.needs & lost else set()
    mine = work.job.mine(work.runs)
    return [run for run in mine if run.name not in lost.union(over)]


def _waiting(todo: Sequence[Run], work: Work, over: Collection[str]) -> str:
    """Which runs of other jobs all that is left needs."""
    jobs = {run.name: work.job.of(i) for i, run in enumerate(work.runs)}
    missing = set().union(*(run.needs for run in todo)).difference(over)
    missing = sorted(missing, key=jobs.get)
    told = ", ".join(f"{name} (job {jobs[name]})" for name in missing[:5])
    more = f" and {len(missing) - 5} more" * (len(missing) > 5)
    return (
        f"Job {work.job.number} of {work.job.count} has done what it can; {len(todo)}"
        f" runs of it wait for {told}{more}. Start it again when that is over, or wait"
        " for it: --wait MINUTES."
    )


def _one(run: Run, work: Work, line: "_Line") -> str:
    """Does one run and keeps its figures; why it has none, else ""."""
    command = run.command(work.out, work.size)
    logs = work.out / LOGS
    logs.mkdir(parents=True, exist_ok=True)
    whole = not init_from.begun(work.out / RUNS / run.name)
    with contextlib.ExitStack() as stack:
        try:
            lock = work.out / HELD / run.name
            stack.enter_context(files.alone(lock, wait=False, why=f"does {run.name}"))
        except UserError as error:
            return str(error)  # no failure: its figures will be there
        clock = stack.enter_context(line.watching(run))
        said = stack.enter_context((logs / f"{run.name}.txt").open("a", buffering=1))
        print(command, file=said)
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                _call(run, work)
            if not _ended(work.out, run.name):
                return STOPPED
            found = figures.collect(run, work.out, command, clock(), whole=whole)
            found.save(work.out)
        except Exception as error:  # the others go on
            traceback.print_exc(file=said)
            why = " ".join(f"{error}".split())[:500] or type(error).__name__
            figures.Figures(run, command, failed=why).save(work.out)
            return why
    gc.collect()
    return ""


def _call(run: Run, work: Work) -> None:
    """Trains and measures, or measures, as the run's command would."""
    own = work.out / RUNS / run.name
    if run.measured_only:
        experiments.evaluate(
            work.out / RUNS / run.folders["workdir"],
            test_sets=None,
            labelled=run.fields["data.target_faces"],
            seed=run.seed,
            out=own / REPORT,
        )
        return
    file = config_file.OURS / f"{run.config}.py"
    words = run.overrides(work.out)
    config = config_file.load_config(str(file), words, size=work.size)
    experiments.run(config, own)


class _Line:
    """One line over all runs: a bar; where there is no terminal, now and then a line.

    How far the run is that goes on now stands in its own log.

    Attributes:
        over: names of the runs that are over.
    """

    def __init__(self, work: Work):
        self._work = work
        self._terminal = sys.stdout.isatty()
        self._mine = work.job.mine(work.runs)
        self._now: Run | None = None
        self.over = set(work.over())
        self._ended = threading.Event()
        self._said, self._stood = "", 0.0
        self._bar = rich.progress.Progress(
            rich.progress.BarColumn(bar_width=30),
            rich.progress.TaskProgressColumn(),
            rich.progress.TextColumn("{task.description}"),
            console=rich.console.Console(file=sys.stdout),
            disable=not self._terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=1.0)
        self._out = sys.stdout

    def __enter__(self):
        self._bar.start()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()
        self._bar.stop()

    @contextlib.contextmanager
    def watching(self, run: Run) -> Iterator[Callable[[], float]]:
        """Tells meanwhile how far this run is; gives the seconds that it took so far.

        While the program was suspended (Ctrl-Z, SIGSTOP) they did not go on.
        """
        self._now, began, stood = run, time.monotonic(), self._stood
        self.say(self._told(run))
        try:
            yield lambda: time.monotonic() - began - (self._stood - stood)
        finally:
            self._now = None

    def say(self, text: str) -> None:
        """Shows a text; without a terminal once until it is another."""
        if self._terminal:
            self._bar.update(self._task, completed=self._share(), description=text)
        elif text != self._said:
            print(f"{self._share():4.0%}  {text}", file=self._out, flush=True)
            self._said = text

    def _look(self) -> None:
        last = before = time.monotonic()
        while not self._ended.wait(LOOK_S):
            now = time.monotonic()
            if now - before > STOOD_S:
                self._stood += now - before - LOOK_S
            before = now
            due = self._terminal or now - last >= SAY_S
            if due and (run := self._now):
                self.say(self._told(run))
                last = now

    def _told(self, run: Run) -> str:
        left = [one for one in self._mine if one.name not in self.over]
        done = len(self._mine) - len(left)
        seconds, step = self._work.estimate.total(left), self._step(run)
        if seconds is not None and step:
            seconds -= self._work.estimate.seconds(run) * step / run.steps
        where = f", step {step} of {run.steps}" if step else ""
        about = f"; about {speed.told(seconds)} left" if seconds is not None else ""
        return f"{done} of {len(self._mine)} runs; now {run.name}{where}{about}"

    def _share(self) -> float:
        seconds = self._work.estimate.seconds
        cost = {run.name: seconds(run) or 1.0 for run in self._mine}
        done = sum(own for name, own in cost.items() if name in self.over)
        if (run := self._now) and run.steps and run.name not in self.over:
            done += cost[run.name] * self._step(run) / run.steps
        return done / max(sum(cost.values()), 1e-9)

    def _step(self, run: Run) -> int:
        """The last step that a run's log tells of."""
        try:
            file = self._work.out / RUNS / run.name / log.FILE
            return json.loads(file.read_text().splitlines()[-1])["step"]
        except (OSError, ValueError, IndexError, KeyError):
            return 0
