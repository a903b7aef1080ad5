"""Rows of numbers, and where they come from, to JSON, Markdown, CSV and terminal."""

import csv
import dataclasses
import io
import json
import math
import os
import pathlib
import platform
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import jax
import rich.console
import rich.table

from lmkjax import files
from lmkjax.evaluation import nme

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
LEGEND = (
    "NME in % of the distance between the outer corners of the eyes (ocular), between"
    " the pupils (pupil), or of sqrt(width * height) of the face's box (box). auc and"
    " fr: area under the curve of cumulative ocular NME, and share of failures, 0 to 1,"
    " at the threshold in the name (08: 8 %). points: of each face, what an NME is the"
    " mean over; NMEs of different points do not compare; of points without the 68 of"
    " iBug there is the box alone. mean_face: the mean of train faces, put into each"
    " test face's box."
)
JSON, MARKDOWN, CSV = FILES = ("results.json", "results.md", "results.csv")
"""What `write` writes."""
Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where numbers come from.

    Attributes:
        command: that made them; see `command()`.
        hardware: in words; see `hardware()`.
        seed: of the run; None where there is none.
        commit: of the code; see `commit()`.
        data: trained on what and tested on what; a stand-in is called one.
    """

    command: str
    hardware: str
    seed: int | None
    commit: str
    data: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as text: a title, names of columns, cells."""

    title: str
    columns: list[str]
    cells: list[list[str]]


def write(
    folder: str | pathlib.Path,
    rows: Sequence[Row],
    provenance: Provenance,
    groups: Sequence[Row] = (),
) -> None:
    """Writes `results.json`, `results.md` and `results.csv`, each whole or not at all.

    A number that is not finite (no face counted, or the network says NaN) is null in
    JSON and "-" in tables.

    Args:
        folder: made if it is missing.
        rows: see `evaluator.Evaluation`.
        provenance: of all rows.
        groups: see `groups.rows`; not in the CSV.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    about = dataclasses.asdict(provenance)
    found = {"rows": rows, "groups": groups}
    text = json.dumps(finite(found | about), indent=1, allow_nan=False)
    files.write(folder / JSON, text + "\n")
    files.write(folder / MARKDOWN, markdown(rows, provenance, groups))
    files.write(folder / CSV, _csv(rows))


def refuse_strangers(folder: pathlib.Path, *, beside: Collection[str] = ()) -> None:
    """Refuses a folder for `write` that holds anything but an earlier report.

    Args:
        folder: a new or empty one, or that of a report.
        beside: patterns of what is written beside the tables.

    Raises:
        UserError: it holds something else, or a `results.json` that is no report's.
    """
    # Without a report's tables, what is called as its pictures are is somebody's own.
    ours = [*FILES, *beside] if _is_ours(folder / JSON) else ()
    files.refuse_strangers(folder, ours=ours)


def markdown(
    rows: Sequence[Row], provenance: Provenance, groups: Sequence[Row] = ()
) -> str:
    """The tables of all test sets, and where they come from."""
    parts = ["# Results\n", LEGEND + "\n"]
    for table in tables(rows, groups):
        lines = [table.columns, [":--"] + ["--:"] * (len(table.columns) - 1)]
        body = "\n".join("| " + " | ".join(line) + " |" for line in lines + table.cells)
        parts.append(f"## {table.title}\n\n{body}\n")
    about = dataclasses.asdict(provenance).items()
    parts.append("\n".join(f"- {name}: {_code(name, value)}" for name, value in about))
    return "\n".join(parts) + "\n"


def show(rows: Sequence[Row], groups: Sequence[Row] = ()) -> None:
    """Prints the tables to the terminal."""
    # Names of folders stand in it: "[old]" is no style there.
    console = rich.console.Console(markup=False, emoji=False)
    for table in tables(rows, groups):
        drawn = rich.table.Table(title=table.title, title_justify="left")
        for number, column in enumerate(table.columns):
            drawn.add_column(column, justify="right" if number else "left")
        for cells in table.cells:
            drawn.add_row(*cells)
        console.print(drawn)


def tables(rows: Sequence[Row], groups: Sequence[Row] = ()) -> list[Table]:
    """For each test set its numbers, its NME by region where there is one, by group."""
    found = []
    for test_set in dict.fromkeys(row["test_set"] for row in rows):
        own = [row for row in rows if row["test_set"] == test_set]
        found.append(_numbers(test_set, own))
        if regions := list(dict.fromkeys(r for row in own for r in row["regions"])):
            found.append(_regions(test_set, own, regions))
        found += _groups(test_set, [g for g in groups if g["test_set"] == test_set])
    return found


def hardware() -> str:
    """This machine in words: processor, cores and accelerators, but not its name."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count()
    text = f"{_processor()}, {cores} core{'s' * (cores != 1)}"
    kinds = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    for kind in dict.fromkeys(kinds):
        text += f", {kinds.count(kind)} x {kind}"
    return text if kinds else text + ", no accelerator"


def commit() -> str:
    """The commit of this code, with " dirty" if files differ from it, or "unknown"."""
    try:  # the package may lie, untracked, inside somebody else's repository
        _git("ls-files", "--error-unmatch", "types.py")
        changed = _git("status", "--porcelain", "--untracked-files=no")
        return _git("rev-parse", "--short=12", "HEAD") + (" dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def command() -> str:
    """The command that runs now, as one would type it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = pathlib.Path(sys.argv[0]).name
    if spec and spec.name.startswith("lmkjax."):
        program = f"python -m {spec.name}"
    return f"{program} {shlex.join(sys.argv[1:])}".strip()


def _numbers(test_set: str, rows: Iterable[Row]) -> Table:
    """One line for each way to labels and points: NMEs, area, failures."""
    rows = list(rows)
    normalisers = list(dict.fromkeys(row["normaliser"] for row in rows))
    metrics = [name for name in rows[0] if name.startswith(("auc_", "fr_"))]
    first = normalisers[0]
    cells = []
    for way in dict.fromkeys(map(_way, rows)):
        own = {r["normaliser"]: r for r in rows if _way(r) == way}
        line = [way[0]] + [_number(own[name]["nme"]) for name in normalisers]
        line += [_number(own[first][name], digits=3) for name in metrics]
        faces = next((r["faces"] for r in own.values() if r["faces"]), 0)
        cells.append([*line, str(faces), _points(own[first], rows)])
    columns = ["labels", *(f"{name} %" for name in normalisers), *metrics]
    return Table(test_set, [*columns, "faces", "points"], cells)


def _regions(test_set: str, rows: Sequence[Row], regions: list[str]) -> Table:
    """One line for each way to labels: NME by region, first normaliser that counts."""
    own = [row for row in rows if row["faces"]] or rows
    first = own[0]["normaliser"]
    cells = [
        [
            row["labels"],
            *(_number(row["regions"].get(name)) for name in regions),
            _points(row, rows),
        ]
        for row in rows
        if row["normaliser"] == first
    ]
    columns = ["labels", *regions, "points"]
    return Table(f"{test_set}: {first} NME % by region", columns, cells)


def _groups(test_set: str, rows: Sequence[Row]) -> list[Table]:
    """One table for each thing that faces are grouped by, a line for each group."""
    found = []
    for by in dict.fromkeys(row["by"] for row in rows):
        own = [row for row in rows if row["by"] == by]
        metrics = [m for m in own[0] if m in nme.NORMALISERS or m.startswith("fr_")]
        cells = [
            [
                row["group"],
                row["labels"],
                *(_number(row[m], digits=3 if m[:3] == "fr_" else 2) for m in metrics),
                *(str(row["faces"]), _points(row, own)),
            ]
            for row in own
        ]
        named = [f"{m} %" if m in nme.NORMALISERS else m for m in metrics]
        columns = [by, "labels", *named, "faces", "points"]
        found.append(Table(f"{test_set}: by {by}", columns, cells))
    return found


def _way(row: Row) -> tuple[str, int, str]:
    """What a line is of: the way to labels, and which points they are."""
    return row["labels"], row["points"], row["scheme"]


def _points(row: Row, rows: Iterable[Row]) -> str:
    """How many points a line is of, and which where other rows have as many."""
    alike = {other["scheme"] for other in rows if other["points"] == row["points"]}
    return f"{row['points']}" + f" {row['scheme']}" * (len(alike) > 1)


def _number(value: float | None, *, digits: int = 2) -> str:
    """A number as text; "-" where there is none."""
    there = value is not None and math.isfinite(value)
    return f"{value:.{digits}f}" if there else "-"


def finite(value: Any) -> Any:
    """The value with None for every number that JSON cannot say, at any depth."""
    if isinstance(value, Mapping):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _csv(rows: Sequence[Row]) -> str:
    """One line per row; regions are columns `nme_<region>`."""
    flat = [
        {name: value for name, value in finite(row).items() if name != "regions"}
        | {f"nme_{name}": value for name, value in finite(row["regions"]).items()}
        for row in rows
    ]
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in flat for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _is_ours(file: pathlib.Path) -> bool:
    """Whether `write` has written a JSON file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"rows", "command", "commit"} <= set(content)


def _code(name: str, value: Any) -> str:
    """A value of the provenance in Markdown."""
    return f"`{value}`" if name in ("command", "commit") else str(value)


def _processor() -> str:
    """The processor's model."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        models = [line for line in text.splitlines() if line.startswith("model name")]
        return models[0].partition(":")[2].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine() or "unknown processor"


def _git(*arguments: str) -> str:
    """What git says about the package's folder."""
    words = ["git", "-C", str(PACKAGE), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
