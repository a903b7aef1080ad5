"""A report: a picture for each test, none of an earlier report's left over."""

import dataclasses
import json
import math
import types

import numpy as np
import pytest

from lmkjax.adapt import adaptation
from lmkjax.errors import UserError
from lmkjax.evaluation import evaluator
from lmkjax.experiment import report
from lmkjax.experiment.bench import measurement

CALIBRATION = {
    "within": {"0.5": 0.4, "0.8": 0.7, "0.95": 0.9},
    "rank_correlation": 0.5,
    "landmarks": 136,
    "auroc": {"visible": 0.9},
    "reliability": [[0.1, 0.2, 50], [0.9, 0.8, 86]],
}


@pytest.fixture
def findings():
    """A function of names of test sets to what a benchmark found."""

    def of(*names):
        points = np.random.default_rng(0).uniform(2, 30, (2, 68, 2)).astype(np.float32)
        row = {"labels": "direct", "nme": 3.0, "faces": 2, "points": 68}
        row |= {"scheme": "ibug68", "regions": {}}
        found = {
            name: evaluator.Evaluation(
                [{"test_set": name, "normaliser": "ocular"} | row],
                {("direct", "ocular"): np.array([2.0, 4.0])},
                np.zeros((2, 32, 32, 3), np.float32),
                {"truth": points, "direct": points},
            )
            for name in names
        }
        return measurement.Findings(found, None, {n: CALIBRATION for n in names})

    return of


@pytest.fixture
def write(findings):
    """A function that writes a report of test sets into a folder."""
    network = types.SimpleNamespace(trained_on="nothing")
    experiment = types.SimpleNamespace(network=network, seed=0)
    faces = types.SimpleNamespace(notes=["A note."])

    def of(folder, found):
        report.write(folder, experiment, found, faces)

    return of


def test_points_without_eyes_have_their_curve_in_units_of_the_box(
    findings, write, tmp_path, monkeypatch
):
    found, drawn = findings("own"), {}
    none, some = np.full(2, np.nan), np.array([2.0, 4.0])
    found.evaluations["own"].faces = {
        ("direct", "ocular"): none,
        ("direct", "pupil"): none,
        ("direct", "box"): some,
    }
    monkeypatch.setattr(
        report.plots,
        "write_curves",
        lambda path, errors, **how: drawn.update(how, errors=errors),
    )
    write(tmp_path, found)
    assert drawn["normaliser"] == "box" and list(drawn["errors"]) == ["direct"]
    np.testing.assert_array_equal(drawn["errors"]["direct"], some)


def test_pictures_of_an_earlier_report_go_and_other_things_stay(
    findings, write, tmp_path
):
    write(tmp_path, findings("common", "private"))
    assert (tmp_path / "faces_private.png").is_file()
    (tmp_path / "notes.txt").touch()
    write(tmp_path, findings("common"))
    tables = {f"results.{ending}" for ending in ("json", "md", "csv")}
    pictures = {"curve_common.png", "faces_common.png", "calibration_common.png"}
    tables |= {"calibration.json"}
    assert {f.name for f in tmp_path.iterdir()} == tables | pictures | {"notes.txt"}


def test_a_state_that_never_occurs_is_null_in_json(findings, write, tmp_path):
    found = findings("common")
    figures = CALIBRATION | {"auroc": {"visible": 0.9, "outside": math.nan}}
    figures["reliability"] = [[0.1, math.nan, 50]]
    write(tmp_path, dataclasses.replace(found, calibrations={"common": figures}))

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    text = (tmp_path / report.CALIBRATION).read_text()
    told = json.loads(text, parse_constant=refuse)["common"]
    assert told["auroc"] == {"visible": 0.9, "outside": None}
    assert told["reliability"] == [[0.1, None, 50]]


def test_a_run_measured_again_takes_no_folder_of_others(findings, write, tmp_path):
    workdir, out = tmp_path / "run", tmp_path / "out"
    workdir.mkdir()
    with pytest.raises(UserError, match="than the run's own"):
        report.refuse_strangers(tmp_path / "run/../run", workdir)
    write(out, findings("common"))
    for name in (report.VALIDATION, adaptation.FILE):
        (out / name).touch()
    report.refuse_strangers(out, workdir)
    (out / "faces.png").touch()
    with pytest.raises(UserError, match="already holds 'faces.png'"):
        report.refuse_strangers(out, workdir)
