"""The report of a run: tables, curves, faces, and what training was like."""

import json
import pathlib
from typing import Any

from lmkjax import files
from lmkjax.adapt import adaptation
from lmkjax.errors import UserError
from lmkjax.evaluation import evaluator, plots, tables
from lmkjax.experiment import datasets, plan
from lmkjax.experiment.bench import measurement
from lmkjax.training import averaged, log, loop, validation

FOLDER = "report"
TRAINING, CALIBRATION = "training.json", "calibration.json"
VALIDATION = "validation.png"
DRAWN = ("curve_*.png", "faces_*.png", "calibration_*.png")
"""Pictures of test sets."""


def refuse_strangers(folder: pathlib.Path, workdir: pathlib.Path) -> None:
    """Refuses a folder for the report of a run that is measured again.

    Args:
        folder: where the report is to go.
        workdir: of the run.

    Raises:
        UserError: it is the run's own folder, or holds anything but an earlier report.
    """
    if folder.resolve() == workdir.resolve():
        raise UserError(
            f"Wanted another folder for --out than the run's own; '{workdir}' keeps the"
            f" adapter of its training. Try --out {workdir / 'again'}"
        )
    ours = [*DRAWN, CALIBRATION, VALIDATION, adaptation.FILE]
    tables.refuse_strangers(folder, beside=ours)


def write(
    folder: pathlib.Path | None,
    experiment: plan.Experiment,
    findings: measurement.Findings,
    faces: datasets.Domains,
) -> None:
    """Writes the report and prints its tables; what an earlier one drew goes.

    Args:
        folder: where it goes; None = nowhere, the tables are only printed.
        experiment: that was trained.
        findings: of the benchmark.
        faces: what was trained and tested on.
    """
    rows = [row for row in findings.rows if "," not in row["test_set"]]
    tables.show(rows, findings.groups)
    print(f"Trained on {experiment.network.trained_on}.")
    for note in faces.notes:
        print(note)
    if folder is None:
        return
    provenance = tables.Provenance(
        command=tables.command(),
        hardware=tables.hardware(),
        seed=experiment.seed,
        commit=tables.commit(),
        data="; ".join([f"trained on {experiment.network.trained_on}", *faces.notes]),
    )
    tables.write(folder, findings.rows, provenance, findings.groups)
    _write_calibrations(folder, findings.calibrations)
    before = {f for kind in ("curve", "faces") for f in folder.glob(f"{kind}_*.png")}
    drawn = [_draw(folder, *found) for found in findings.evaluations.items()]
    for stale in before.difference(*drawn):  # of a test set that is not there now
        stale.unlink()
    print(f"Report with all tables, curves and faces: {folder / 'results.md'}")


def _write_calibrations(folder: pathlib.Path, found: dict[str, dict[str, Any]]) -> None:
    """Writes and draws what uncertainty and visibility are worth."""
    found = {name: figures for name, figures in found.items() if figures}
    text = json.dumps(tables.finite(found), indent=1, allow_nan=False)
    files.write(folder / CALIBRATION, text + "\n")
    for stale in folder.glob("calibration_*.png"):
        stale.unlink()
    for name, figures in found.items():
        stem = "".join(c if c.isalnum() else "_" for c in name)
        plots.write_calibration(folder / f"calibration_{stem}.png", figures, title=name)


def write_training(workdir: pathlib.Path, result: loop.Result, batch: int) -> None:
    """Writes what the training was like: speed, waiting, compiling, FLOPs."""
    figures: dict[str, Any] = {
        "steps": int(result.state.step),
        "images_per_s": round(result.images_per_s, 2),
        "waiting_share": round(result.waiting, 4),
        "compile_s": round(result.compile_s, 1),
        "flops_per_step": result.flops,
        "batch": batch,
    }
    files.write(workdir / TRAINING, json.dumps(figures, indent=1) + "\n")
    print(
        f"Trained {figures['steps']} steps at {figures['images_per_s']} images/s;"
        f" {figures['waiting_share']:.1%} of the time waiting for data;"
        f" compiled in {figures['compile_s']} s;"
        f" {result.flops / 1e9:.1f} GFLOP per step and device."
    )


def write_validation(folder: pathlib.Path, workdir: pathlib.Path) -> None:
    """Draws the error on held-out faces over the steps, where a run measured it."""
    lines = (workdir / log.FILE).read_text().splitlines()
    told = [(line["step"], line.get(validation.NME)) for line in map(json.loads, lines)]
    found = [(step, nme) for step, nme in told if nme is not None]
    if not found:
        return
    plots.write_line(
        folder / VALIDATION,
        *zip(*found, strict=True),
        title="held-out faces while training",
        label="ocular NME, %",
    )
    best = averaged.notes(workdir / averaged.BEST)
    if best:
        print(
            f"Best on held-out faces: {best['nme']:.2f} % at step {int(best['step'])}"
            f" ({averaged.BEST}; --best takes it)."
        )


def _draw(
    folder: pathlib.Path, name: str, found: evaluator.Evaluation
) -> list[pathlib.Path]:
    """The error curves of a test, and its first faces with their points: the files."""
    stem = "".join(c if c.isalnum() else "_" for c in name)
    errors = found.errors
    # Ocular, but of points without eyes.
    by = next((by for (_, by), own in errors.items() if len(own)), "ocular")
    drawn = {labels: own for (labels, other), own in errors.items() if other == by}
    curve, pictures = (folder / f"{kind}_{stem}.png" for kind in ("curve", "faces"))
    plots.write_curves(curve, drawn, title=name, normaliser=by)
    if not len(found.images):
        return [curve]
    best = next(
        way
        for way in ("transfer", "direct", "adapted", "subset")
        if way in found.points
    )
    shown = {"truth": found.points["truth"], best: found.points[best]}
    title = f"{name}: truth and {best}"
    plots.write_faces(pictures, found.images, shown, title=title)
    return [curve, pictures]
