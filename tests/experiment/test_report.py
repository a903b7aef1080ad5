"""A report: a picture for each test, none of an earlier report's left over."""

import types

import numpy as np
import pytest

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
        row = {"labels": "direct", "nme": 3.0, "faces": 2, "points": 68, "regions": {}}
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


def test_pictures_of_an_earlier_report_go_and_other_things_stay(findings, tmp_path):
    network = types.SimpleNamespace(trained_on="nothing")
    experiment = types.SimpleNamespace(network=network, seed=0)
    faces = types.SimpleNamespace(notes=["A note."])
    report.write(tmp_path, experiment, findings("common", "private"), faces)
    assert (tmp_path / "faces_private.png").is_file()
    (tmp_path / "notes.txt").touch()
    report.write(tmp_path, experiment, findings("common"), faces)
    tables = {f"results.{ending}" for ending in ("json", "md", "csv")}
    pictures = {"curve_common.png", "faces_common.png", "calibration_common.png"}
    tables |= {"calibration.json"}
    assert {f.name for f in tmp_path.iterdir()} == tables | pictures | {"notes.txt"}
