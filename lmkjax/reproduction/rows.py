"""Which rows there are, what each size spends on them, and runs that rows share."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from lmkjax.reproduction.runs import Place, Run

PRETRAINING = "pretraining"
ALL = "all"
"""What stands in place of a number where all that there are is meant."""
LABELS = {
    "synthetic_only": "synthetic only",
    "label_transfer": "synthetic + real, label transfer (U-Net)",
    "learned_places": "synthetic + real, label transfer (learned places)",
    "discriminator": "unsupervised, discriminator",
    "daln_unsupervised": "unsupervised, DALN",
    "daln": "DALN + label transfer",
    "mean_teacher": "unsupervised, mean teacher",
    "pseudo_labels": "unsupervised, a round of pseudo-labels",
    "real_only": "real only",
    "model_adaptation": "model adaptation",
    "data_adaptation": "data adaptation",
    "mixing_25": "mixing, alpha 0.25",
    "mixing_50": "mixing, alpha 0.5",
    "mixing_75": "mixing, alpha 0.75",
    "fine_tuning": "fine-tuning",
    "best": "renders + real, learned places (best.py)",
    "renders": "our renders",
    "face_synthetics": "FaceSynthetics",
}
"""The rows there are, and what the report calls them."""
PARTS = {
    "A": ("synthetic_only", "label_transfer", "learned_places", "discriminator")
    + ("daln_unsupervised", "daln", "mean_teacher", "pseudo_labels", "real_only"),
    "B": ("real_only", "model_adaptation", "data_adaptation", "mixing_25")
    + ("mixing_50", "mixing_75", "fine_tuning", "best", "renders", "face_synthetics"),
    "points": ("synthetic_only", "label_transfer", "learned_places", "fine_tuning"),
}
"""The rows of each part."""
AFTER = "the pretraining"


@dataclasses.dataclass(frozen=True)
class Budget:
    """What one size spends.

    Attributes:
        pretraining: steps of the synthetic training that all rows begin with.
        begins: what it begins with itself: "shipped" weights, or "" = nothing.
        row: steps of a row, after it.
        alone: steps of what begins with nothing: real only, numbers of renders and of
            points.
        batch: faces of a step.
        faces: rendered faces to train on.
        test_faces: rendered faces to measure on.
        stand_in: faces of the stand-in, where there are no photos.
        validation: real train faces held out, to choose by.
        n_real: numbers of labelled real faces; all of them come in any case.
        renders: numbers of rendered faces in Table 2; 0 = all.
        seeds: of each row.
        every: steps between two looks at the held-out faces.
    """

    pretraining: int
    begins: str
    row: int
    alone: int
    batch: int
    faces: int
    test_faces: int
    stand_in: int
    validation: int
    n_real: tuple[int, ...]
    renders: tuple[int, ...]
    seeds: int
    every: int

    def lasting(self, share: float) -> "Budget":
        """The same with every training so much of its length, at least one step.

        Nor are more faces rendered than the longest training looks at.
        """
        steps = {
            name: max(1, round(getattr(self, name) * share))
            for name in ("pretraining", "row", "alone", "every")
        }
        seen = self.batch * max(n for name, n in steps.items() if name != "every")
        faces = min(self.faces, seen)
        renders = tuple(n for n in self.renders if n < faces)
        return dataclasses.replace(self, **steps, faces=faces, renders=renders)


DOCUMENT_B = (25, 50, 157, 315, 630, 1000)
"""Numbers of labelled photos: the document's range, at published splits."""

BUDGETS = {
    "tiny": Budget(
        pretraining=2,
        begins="",
        row=1,
        alone=2,
        batch=32,
        faces=32,
        test_faces=16,
        stand_in=32,
        validation=8,
        n_real=(10, 16),
        renders=(4, 8, 16, 0),
        seeds=1,
        every=1,
    ),
    "laptop": Budget(
        pretraining=1500,
        begins="shipped",
        row=800,
        alone=2400,
        batch=16,
        faces=20_000,
        test_faces=192,
        stand_in=1600,
        validation=400,
        n_real=DOCUMENT_B,
        renders=(1250, 2500, 5000, 10_000, 0),
        seeds=3,
        every=200,
    ),
    "full": Budget(
        pretraining=50_000,
        begins="",
        row=20_000,
        alone=70_000,
        batch=128,
        faces=100_000,
        test_faces=2000,
        stand_in=4096,
        validation=400,
        n_real=DOCUMENT_B,
        renders=(1250, 2500, 5000, 10_000, 20_000, 0),
        seeds=3,
        every=5000,
    ),
}
"""By size. `tiny` shows that everything runs, and means nothing."""

SEEDS_OF_MANY, MANY = 2, 157
"""How many seeds at most there are of a row with more labelled faces than that."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be reproduced.

    Attributes:
        size: of the configs.
        budget: what is spent.
        parts: of `PARTS`.
        rows: of them, these alone; empty = all.
        seeds: of each row, at most.
        n_real: numbers of labelled real faces, beside all.
        there: how many there are to train on.
        measured: faces that a run is measured on, each as often as it is looked at.
        photos: 300-W's folder; None = the stand-in.
        face_synthetics: Microsoft's; None = left out.
        home: where prepared datasets are kept.
    """

    size: str
    budget: Budget
    parts: tuple[str, ...]
    rows: tuple[str, ...]
    seeds: int
    n_real: tuple[int, ...]
    there: int
    measured: int
    photos: pathlib.Path | None
    face_synthetics: pathlib.Path | None
    home: pathlib.Path

    def about(self) -> list[str]:
        """What is asked for, a line each."""
        budget = self.budget
        begins = "the weights that come with lmkjax" if budget.begins else "nothing"
        real = "300-W" if self.photos else "a rendered stand-in for photos"
        return [
            f"Size {self.size}: {budget.pretraining:,} steps of pretraining, begun with"
            f" {begins}; {budget.row:,} of each row after it; {budget.alone:,} of what"
            f" begins with nothing; {budget.batch} faces a step; {budget.faces:,}"
            " rendered faces.",
            f"Real faces: {real}; {self.there:,} to train on, {budget.validation} held"
            " out. Figures are of the last averaged weights.",
        ]

    def data(self) -> dict[str, Any]:
        """The fields that all runs have."""
        budget = self.budget
        fields = {
            "data.dir": str(self.home),
            "data.faces": budget.faces,
            "data.test_faces": budget.test_faces,
            "data.validation_faces": budget.validation,
            "train.batch": budget.batch,
            "train.minutes": 0.0,
            "train.validate_every": budget.every,
            "train.log_every": max(1, budget.every // 4),
            "train.save_every": budget.every,
        }
        if self.photos:
            return fields | {"data.ibug_300w": str(self.photos)}
        return fields | {"data.stand_in_faces": budget.stand_in}


@dataclasses.dataclass
class Listing:
    """The runs in the order in which they are best done, and what is left out.

    Attributes:
        runs: by their names.
        notes: what is left out, and why.
    """

    runs: dict[str, Run]
    notes: list[str]

    def add(self, run: Run) -> str:
        """Adds a run, or where it is shown to the same run of another table."""
        known = self.runs.get(run.name, None)
        places = (known.places if known else ()) + run.places
        self.runs[run.name] = dataclasses.replace(
            known or run, places=tuple(dict.fromkeys(places))
        )
        return run.name


def row(request: Request, name: str, config: str, seed: int, **of: Any) -> Run:
    """A run with the fields that all have."""
    own = {"steps": request.budget.row, "folders": {}, "begins": AFTER} | of
    # `best.py` looks closer, and at mirrored pictures too; the tables hold rows alike.
    alike = {"eval.flip": False} if config == "best" else {}
    if config == "best" and request.size == "laptop":
        alike |= {"model.input_px": 128, "model.heatmap_px": 32}
    own["fields"] = request.data() | alike | own.pop("fields", {})
    return Run(f"{name}-seed{seed}", config, seed, **own)


def pretraining(found: Listing, request: Request) -> Mapping[str, str]:
    """The synthetic training that all rows begin with, as a field of theirs."""
    budget = request.budget
    begins = budget.begins and "the weights that come with lmkjax"
    run = Run(
        PRETRAINING,
        "synthetic_only",
        0,
        budget.pretraining,
        request.data() | {"train.init_from": budget.begins},
        {},
        sees="renders",
        begins=begins or "nothing",
    )
    return {"train.init_from": found.add(run)}


def synthetic(found: Listing, request: Request, seed: int, *places: Place) -> str:
    """Synthetic only, as long as the other rows: the pretraining and their steps."""
    return found.add(
        row(
            request,
            "synthetic_only",
            "synthetic_only",
            seed,
            folders=pretraining(found, request),
            sees="renders",
            places=places,
        )
    )


def real_only(found: Listing, request: Request, seed: int, n: str, *places: Place):
    """Real faces alone, from nothing."""
    found.add(
        row(
            request,
            f"real_only-{tag(n)}",
            "real_only",
            seed,
            fields={"train.init_from": "", "data.target_faces": count_of(n)},
            steps=request.budget.alone,
            sees="real faces with 68 labels",
            begins="nothing",
            places=places,
        )
    )


def count_of(n: str) -> int:
    """A number of faces as a config has it."""
    return 0 if n == ALL else int(n)


def told(count: int) -> str:
    """A number of faces as it is told."""
    return str(count) if count else ALL


def tag(n: str) -> str:
    """A number of faces in a run's name."""
    return n if n == ALL else f"n{n}"
