"""A run that the reproduction wants: the command, what it needs, where it is shown."""

import dataclasses
import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

RUNS, FIGURES, REPORT = "runs", "figures", "report"
"""Folders of the reproduction: of each run, of its figures; and of a run's report."""
MEASURED = "evaluate"
"""In place of a config's name: a run that trains nothing and is measured anew."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a run stands in the report.

    Attributes:
        table: "A", "B", "Table 2" or "points".
        row: its line there, a key of `rows.LABELS`.
        at: its place in that line: how many labelled faces, renders or points; "".
    """

    table: str
    row: str
    at: str = ""


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, or one measuring of a training with another adapter.

    Attributes:
        name: of its folder; one of the reproduction has it.
        config: which file of `configs/` it is, or `MEASURED`.
        seed: of all its chance.
        steps: it trains.
        fields: of the config, set on the command line.
        folders: fields that name another run's folder, as paths in `RUNS`.
        sees: what it trains on, in words.
        begins: with what, in words.
        places: where it is shown.
    """

    name: str
    config: str
    seed: int
    steps: int
    fields: Mapping[str, Any]
    folders: Mapping[str, str]
    sees: str
    begins: str
    places: tuple[Place, ...] = ()

    @property
    def needs(self) -> set[str]:
        """The runs that must be over before."""
        return {path.partition("/")[0] for path in self.folders.values()}

    @property
    def measured_only(self) -> bool:
        """Whether it trains nothing."""
        return self.config == MEASURED

    @property
    def kind(self) -> str:
        """What the time of a step depends on, in words; "" = it takes none."""
        if self.measured_only:
            return ""
        told = ("scheme", "places.skin", "source_share", "form", "data.source")
        own = [
            f"{field.rpartition('.')[-1]} {value}"
            for field, value in sorted(self.fields.items())
            if field.endswith(told)
        ]
        return ", ".join([self.config, *own])

    def overrides(self, out: pathlib.Path) -> list[str]:
        """The fields as `--config.FIELD=VALUE`.

        Args:
            out: the reproduction's folder.
        """
        there = {field: str(out / RUNS / path) for field, path in self.folders.items()}
        own = {"seed": self.seed, "train.steps": self.steps, **self.fields, **there}
        return [f"--config.{field}={value}" for field, value in own.items()]

    def words(self, out: pathlib.Path, size: str) -> list[str]:
        """The words after `lmkjax` that do the same by hand."""
        own = out / RUNS / self.name
        if self.measured_only:
            words = ["evaluate", "--workdir", str(out / RUNS / self.folders["workdir"])]
            words += ["--target-faces", str(self.fields["data.target_faces"])]
            return [*words, "--seed", str(self.seed), "--out", str(own / REPORT)]
        words = ["train", "--config", f"configs/{self.config}.py:{size}"]
        return [*words, "--workdir", str(own), *self.overrides(out)]

    def command(self, out: pathlib.Path, size: str) -> str:
        """The command that does the same by hand."""
        return shlex.join(["lmkjax", *self.words(out, size)])
