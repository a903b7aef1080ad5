"""What a run found, as one JSON file; and what several seeds found together."""

import dataclasses
import functools
import json
import math
import pathlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.reproduction.rows import ALL
from lmkjax.reproduction.runs import FIGURES, REPORT, RUNS, Place, Run
from lmkjax.training import log, validation

ELSEWHERE = ("data.dir", "data.ibug_300w", "data.face_synthetics")
"""Fields that say where things lie on a machine: they make no other run."""
SETS = ("synthetic", "common", "challenging", "full", "private")
"""The test sets that the documents are measured on."""
STAND_IN, VALIDATION = "stand-in", "validation"
FULL = {"full": ("common", "challenging")}
"""300-W's full set is these two together."""


@dataclasses.dataclass(frozen=True)
class Figures:
    """What a run found, or why it did not.

    Attributes:
        run: the run.
        command: that does the same by hand.
        failed: why there are no figures; "" = there are.
        seconds: it took, measuring included, in this process's life.
        whole: whether that was all of it: it did not go on with what broke off.
        about: where the figures come from: "hardware", "commit", "data", "trained_on".
        images_per_s: of the training; None = it took no step this time.
        rows: of the run's report, see `evaluator.Evaluation`.
        curve: held-out faces while training, [step, ocular NME %].
    """

    run: Run
    command: str
    failed: str = ""
    seconds: float = 0.0
    whole: bool = True
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    images_per_s: float | None = None
    rows: Sequence[Mapping[str, Any]] = ()
    curve: Sequence[tuple[int, float]] = ()

    def save(self, out: pathlib.Path) -> None:
        """Writes them into the reproduction's folder."""
        folder = out / FIGURES
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(self), indent=1, allow_nan=False)
        files.write(folder / f"{self.run.name}.json", text + "\n")

    def is_of(self, run: Run) -> bool:
        """Whether these are a run's own, as it is planned now."""
        return not self.failed and _settings(self.run) == _settings(run)


def _settings(run: Run) -> tuple:
    fields = {n: v for n, v in run.fields.items() if n not in ELSEWHERE}
    return run.config, run.seed, run.steps, fields, dict(run.folders)


def load(out: pathlib.Path) -> dict[str, Figures]:
    """All that a reproduction's folder holds, by the runs' names.

    Raises:
        UserError: a file is none of ours.
    """
    found = {}
    for file in sorted((out / FIGURES).glob("*.json")):
        try:
            told = json.loads(file.read_text())
            own = told.pop("run")
            places = tuple(Place(**place) for place in own.pop("places"))
            found[file.stem] = Figures(Run(**own, places=places), **told)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{file}: wanted the figures of a run; {type(error).__name__}: {error}."
                " Move the file away, and the run is measured anew."
            ) from error
    return found


def collect(
    run: Run, out: pathlib.Path, command: str, seconds: float, *, whole: bool = True
) -> Figures:
    """What a finished run left in its folder.

    Args:
        run: that is over.
        out: the reproduction's folder.
        command: that does the same by hand.
        seconds: it took.
        whole: see `Figures`.
    """
    workdir = out / RUNS / run.name
    told = json.loads((workdir / REPORT / "results.json").read_text())
    rows = told.pop("rows")
    trained, curve = {}, []
    if (file := workdir / "training.json").is_file():
        trained = json.loads(file.read_text())
    if (file := workdir / log.FILE).is_file():
        lines = map(json.loads, file.read_text().splitlines())
        looks = [(line["step"], line.get(validation.NME)) for line in lines]
        curve = [(step, nme) for step, nme in looks if nme is not None]
    network = json.loads((_trained(run, out) / "network.json").read_text())
    return Figures(
        run,
        command,
        seconds=round(seconds, 1),
        whole=whole,
        about={name: told[name] for name in ("hardware", "commit", "data")}
        | {"trained_on": network["trained_on"]},
        images_per_s=trained.get("images_per_s"),
        rows=rows + _together(rows),
        curve=curve,
    )


def _trained(run: Run, out: pathlib.Path) -> pathlib.Path:
    """The folder of the training: a run that is measured only has another's."""
    return out / RUNS / (run.folders["workdir"] if run.measured_only else run.name)


def _together(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of test sets that are others together: means over all their faces."""
    found = []
    for name, members in FULL.items():
        own: dict[tuple, list] = {}
        for row in rows:
            if row["test_set"] in members:
                way = row["labels"], row["normaliser"], row["points"]
                own.setdefault(way, []).append(row)
        for (labels, normaliser, points), parts in own.items():
            if len(parts) < len(members):
                continue
            faces = [part["faces"] for part in parts]
            metrics = [m for m in parts[0] if m.startswith(("nme", "auc_", "fr_"))]
            row = {"test_set": name, "labels": labels, "normaliser": normaliser}
            for metric in metrics:
                row[metric] = _mean([part[metric] for part in parts], faces)
            found.append(row | {"faces": sum(faces), "points": points, "regions": {}})
    return found


def _mean(values: Sequence[float | None], faces: Sequence[int]) -> float | None:
    if any(value is None for value in values) or not sum(faces):
        return None
    return sum(v * n for v, n in zip(values, faces, strict=True)) / sum(faces)


@dataclasses.dataclass(frozen=True)
class Spread:
    """A figure over seeds.

    Attributes:
        mean: of all.
        spread: standard deviation; None of one seed.
        seeds: how many.
    """

    mean: float
    spread: float | None
    seeds: int

    def text(self, digits: int = 2) -> str:
        """As it stands in a table."""
        more = "" if self.spread is None else f" ± {self.spread:.{digits}f}"
        return f"{self.mean:.{digits}f}{more}"


def spread(values: Iterable[float | None]) -> Spread | None:
    """Mean and spread of one figure of several seeds; None where there is none."""
    there = [v for v in values if v is not None and math.isfinite(v)]
    if not there:
        return None
    apart = statistics.stdev(there) if len(there) > 1 else None
    return Spread(statistics.fmean(there), apart, len(there))


def value(
    found: Iterable[Figures],
    test_set: str,
    labels: str,
    *,
    normaliser: str = "ocular",
    metric: str = "nme",
) -> Spread | None:
    """One figure of the same row of several seeds.

    Where a test set is measured in several schemes, the one with the most points
    counts: a synthetic test set's own.

    Args:
        found: one for each seed.
        test_set: "common".
        labels: "subset", "adapted", "transfer", "direct".
        normaliser: "ocular", "pupil", "box".
        metric: "nme"; or "auc", "fr", whatever their threshold is.
    """
    values = []
    for one in found:
        own = [
            row
            for row in one.rows
            if (row["test_set"], row["labels"]) == (test_set, labels)
            and row["normaliser"] == normaliser
        ]
        if own:
            row = max(own, key=lambda row: row["points"])
            name = next(n for n in row if n == metric or n.startswith(f"{metric}_"))
            values.append(row[name])
    return spread(values)


@dataclasses.dataclass(frozen=True)
class Found:
    """All that the report is made of.

    Attributes:
        out: the reproduction's folder.
        size: of the configs.
        there: labelled real faces to train on.
        about: what was asked for, a line each.
        notes: what was left out of the plan.
        runs: planned.
        figures: of runs, whether planned now or before.
    """

    out: pathlib.Path
    size: str
    there: int
    about: Sequence[str]
    notes: Sequence[str]
    runs: Sequence[Run]
    figures: Mapping[str, Figures]

    @functools.cached_property
    def over(self) -> dict[str, Figures]:
        """The figures of runs that came to their end."""
        return {name: one for name, one in self.figures.items() if not one.failed}

    @functools.cached_property
    def places(self) -> set[Place]:
        """Where a run stands or will stand."""
        runs = [*self.runs, *(one.run for one in self.figures.values())]
        return {place for run in runs for place in run.places}

    def at(self, table: str, row: str, at: str = "") -> list[Figures]:
        """The figures that stand in one place, one for each seed."""
        place = Place(table, row, at)
        return [one for one in self.over.values() if place in one.run.places]

    def numbers(self, table: str) -> list[str]:
        """The numbers over which a table goes, rising; the others last."""
        there = {place.at for place in self.places if place.table == table}
        return sorted(there, key=lambda at: (int(at) if at.isdigit() else 10**9, at))

    @functools.cached_property
    def sets(self) -> list[str]:
        """The test sets that were measured."""
        every = {row["test_set"] for one in self.over.values() for row in one.rows}
        return [name for name in (*SETS, STAND_IN, VALIDATION) if name in every]

    @property
    def main(self) -> str:
        """The test set that rows are told apart by."""
        return "common" if "common" in self.sets else STAND_IN

    def faces(self, n: str) -> int:
        """How many labelled faces a place of Figure 4 stands for."""
        return self.there if n == ALL else int(n)
