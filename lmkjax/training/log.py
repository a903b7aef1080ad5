"""What a run tells while it trains: a file of lines, TensorBoard, a bar, the speed."""

import contextlib
import json
import math
import pathlib
import sys
import time
from collections.abc import Iterator, Mapping

import rich.console
import rich.progress
import tensorboardX

from lmkjax import files

FILE = "metrics.jsonl"


class Log:
    """`metrics.jsonl` and TensorBoard events in a run's folder.

    A line is one JSON object with `step`, `loss` and every other figure; one that is
    not finite is null. When a run is taken up again at an earlier step than its last
    line, the lines after that step are dropped: the file reads as if it had never
    stopped.
    """

    def __init__(self, workdir: pathlib.Path, *, step: int):
        workdir.mkdir(parents=True, exist_ok=True)
        path = workdir / FILE
        text = path.read_text() if path.exists() else ""
        kept = [line for line in text.splitlines() if _step_of(line) <= step]
        kept = "".join(line + "\n" for line in kept)
        if kept != text:  # beside it first: a full disk must not cost what is there
            files.write(path, kept)
        self._file = path.open("a")
        self._board = tensorboardX.SummaryWriter(
            str(workdir / "tensorboard"), purge_step=step + 1, write_to_disk=True
        )

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Adds one line."""
        finite = {name: f for name, f in figures.items() if math.isfinite(f)}
        line = {"step": step, **dict.fromkeys(figures), **finite}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()
        for name, figure in finite.items():
            self._board.add_scalar(name, figure, step)

    def close(self) -> None:
        """Writes what is still in memory."""
        self._file.close()
        self._board.close()


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # a line cut short by a kill
        return float("inf")


class Bar:
    """A progress bar; where there is no terminal, a line every ten seconds."""

    def __init__(self, *, shown: bool):
        self._terminal = sys.stdout.isatty()
        self._shown = shown
        self._last_line = 0.0
        self._progress = rich.progress.Progress(
            rich.progress.BarColumn(bar_width=30),
            rich.progress.TaskProgressColumn(),
            rich.progress.TextColumn("{task.description}"),
            console=rich.console.Console(),
            disable=not (shown and self._terminal),
        )
        self._task = self._progress.add_task("", total=1.0)
        self._progress.start()

    def update(
        self, step: int, share: float, loss: float, rate: float, left_s: float
    ) -> None:
        """Shows step, loss, images per second and time left."""
        left = time.strftime("%M:%S", time.gmtime(left_s))
        if left_s >= 3600:
            left = f"{left_s / 3600:.1f} h"
        text = f"step {step}  loss {loss:.3f}  {rate:.1f} images/s  {left} left"
        self._progress.update(self._task, completed=share, description=text)
        quiet = time.monotonic() - self._last_line < 10
        if self._shown and not self._terminal and not quiet:
            self._last_line = time.monotonic()
            print(f"{share:4.0%}  {text}", flush=True)

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._progress.stop()


class Clock:
    """Seconds trained, over all lives of a run, and seconds waited for data.

    Attributes:
        steps: of this process's life.
    """

    def __init__(self, already_s: float, *, faces: int):
        self._born, self._already_s, self._faces = time.monotonic(), already_s, faces
        self._waited = self._paused = 0.0
        self.steps = 0

    def lived(self) -> float:
        """Seconds of this process's life in the loop, without pauses."""
        return max(time.monotonic() - self._born - self._paused, 1e-9)

    def seconds(self) -> float:
        """Seconds trained."""
        return self._already_s + self.lived()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time inside as waited."""
        began = time.monotonic()
        yield
        self._waited += time.monotonic() - began

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the time inside out: measuring is no training."""
        began = time.monotonic()
        yield
        self._paused += time.monotonic() - began

    def figures(self) -> dict[str, float]:
        """How fast faces went, and the share of the time that was waited."""
        lived = self.lived()
        speed = self.steps * self._faces / lived
        return {"images_per_s": speed, "waiting": self._waited / lived}
