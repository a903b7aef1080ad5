"""How long the planned runs take here, from one measured step of each kind."""

import dataclasses
import json
import pathlib
import statistics
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import jax
import ml_collections
import numpy as np

from lmkjax import files
from lmkjax.evaluation import tables
from lmkjax.experiment import config_file, parts, plan
from lmkjax.reproduction.figures import Figures
from lmkjax.reproduction.runs import Run
from lmkjax.training import mesh, state, trouble

FILE = "speed.json"
FORWARD = 1 / 3
"""Share of a step that a look at as many faces takes."""
STEPS = 3


@dataclasses.dataclass(frozen=True)
class Estimate:
    """How long runs take.

    Attributes:
        steps: seconds of a step, by kind of run.
        over: seconds that runs which are over took, by kind and steps.
        batch: faces of a step.
        measured: faces looked at to measure a run.
        looked: faces looked at while training, per step.
    """

    steps: Mapping[str, float]
    over: Mapping[tuple[str, int], float]
    batch: int
    measured: int
    looked: float

    def seconds(self, run: Run) -> float | None:
        """Of one run, measuring included; None where nothing is known of its kind."""
        if (run.kind, run.steps) in self.over:
            return self.over[run.kind, run.steps]
        step = self.steps.get(run.kind, None)
        if not self.steps or (step is None and not run.measured_only):
            return None
        face = FORWARD * min(self.steps.values()) / self.batch
        looked = face * (self.measured + self.looked * run.steps)
        return looked + run.steps * (step or 0.0)

    def total(self, runs: Iterable[Run]) -> float | None:
        """Of all of them; None where one is not known."""
        all_of = [self.seconds(run) for run in runs]
        return None if None in all_of else sum(all_of)


def table(
    runs: Sequence[Run], estimate: Estimate, over: Collection[str], jobs: Sequence[int]
) -> str:
    """The runs that are planned, a line for all seeds of each.

    Args:
        runs: planned.
        estimate: of their time.
        over: names of those that are over.
        jobs: of each run, which job does it.
    """
    like: dict[str, list[int]] = {}
    for number, run in enumerate(runs):
        name = run.name.rpartition("-seed")[0] or run.name
        like.setdefault(name, []).append(number)
    lines = [
        ("run", "steps", "seeds", "over", "jobs", "each takes", "begins with, sees")
    ]
    for name, numbers in like.items():
        first = runs[numbers[0]]
        seeds = ", ".join(str(runs[n].seed) for n in numbers)
        own = ", ".join(dict.fromkeys(str(jobs[n]) for n in numbers))
        done = str(len([n for n in numbers if runs[n].name in over]))
        sees = f"{first.begins}: {first.sees}"
        seconds = estimate.seconds(first)
        left = seconds is not None or int(done) < len(numbers)
        took = told(seconds) if left else "–"  # and nobody asks
        lines.append((name, f"{first.steps:,}", seeds, done, own, took, sees))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(n) for text, n in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def told(seconds: float | None) -> str:
    """A time as it is told."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def known(out: pathlib.Path) -> dict[str, float]:
    """Seconds of a step that were measured on a machine like this one."""
    return _read(out / FILE).get(tables.hardware()) or {}


def over(found: Mapping[str, Figures]) -> dict[tuple[str, int], float]:
    """Seconds that runs took which are over, on a machine like this one.

    Of those alike the middle one counts: beside others a run takes longer. One that was
    broken off and went on does not know how long it took, and does not count.
    """
    here, took = tables.hardware(), {}
    for one in found.values():
        if not one.failed and one.whole and one.about["hardware"] == here:
            like = one.run.kind, one.run.steps
            took.setdefault(like, []).append(one.seconds)
    return {like: statistics.median(seconds) for like, seconds in took.items()}


def measure(runs: Iterable[Run], out: pathlib.Path, size: str) -> dict[str, float]:
    """Seconds of a step of each kind, measured where that was not done yet.

    A kind that cannot be measured is named and left out: its runs will tell why.

    Args:
        runs: those that are to be done.
        out: the reproduction's folder, where they are kept.
        size: of the configs.
    """
    found, first = known(out), {}
    for run in runs:
        if run.kind and run.kind not in found:
            first.setdefault(run.kind, run)
    for kind, run in first.items():
        print(f"Measuring a step: {kind} ...", flush=True)
        file = config_file.OURS / f"{run.config}.py"
        # Without other runs, which are not there yet; what labels is not asked.
        apart = [
            f"--config.{field}=" + "shipped" * (field == "data.pseudo_labels")
            for field in ("train.init_from", *run.folders)
        ]
        words = [*run.overrides(out), *apart]
        try:
            config = config_file.load_config(str(file), words, size=size)
            found[kind] = round(step_seconds(config), 5)
        except Exception as error:  # the others go on
            print(f"Not measured: {trouble.short(error)}", flush=True)
            continue
        every = _read(out / FILE) | {tables.hardware(): found}
        files.write(out / FILE, json.dumps(every, indent=1) + "\n")
    return found


def invented(experiment: plan.Experiment, grid: jax.sharding.Mesh) -> dict[str, Any]:
    """A batch per stream of a step's shapes, placed as the step wants, by chance."""
    chance = np.random.default_rng(0)

    def made(x: jax.ShapeDtypeStruct) -> jax.Array:
        if x.dtype == np.uint8:
            some = chance.integers(0, 256, x.shape, np.uint8)
        elif np.issubdtype(x.dtype, np.floating):
            some = chance.random(x.shape, np.float32) * experiment.faces.size
        else:
            some = np.ones(x.shape, x.dtype)
        return jax.device_put(some, x.sharding)

    return jax.tree.map(made, parts.outline(experiment, grid))


def step_seconds(config: ml_collections.ConfigDict) -> float:
    """What a step of an experiment takes on invented faces, once it is compiled.

    Raises:
        UserError: the config does not fit together, or its batch onto the devices.
    """
    experiment, grid = plan.build(config), mesh.build()
    for name, faces in experiment.shares.items():
        mesh.check_batch(grid, faces, stream=name)
    start, one_step = parts.build_step(experiment, grid)
    size = experiment.training.fsdp_min_size
    now = state.create(start, grid, seed=0, fsdp_min_size=size)
    batches = invented(experiment, grid)
    progress = mesh.scalar(grid, 0.0)
    step = one_step.lower(now, batches, progress).compile()
    now, metrics = step(now, batches, progress)
    jax.block_until_ready(metrics)
    began = time.perf_counter()
    for _ in range(STEPS):
        now, metrics = step(now, batches, progress)
    jax.block_until_ready(metrics)
    return (time.perf_counter() - began) / STEPS


def _read(file: pathlib.Path) -> dict:
    """What was measured; a file that cannot be read is measured anew."""
    try:
        read = json.loads(file.read_text())
        return read if isinstance(read, dict) else {}
    except (OSError, ValueError):
        return {}
