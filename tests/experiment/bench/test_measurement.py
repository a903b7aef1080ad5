"""What a network is measured by: each scheme's mean face, of train faces alone."""

import types

import numpy as np
import pytest

from lmkjax.data import streams
from lmkjax.evaluation import boxes
from lmkjax.experiment.bench import measurement, testsets
from lmkjax.landmarks import points, schemes
from lmkjax.types import Batch

DENSE, IBUG68 = schemes.get("dense243"), measurement.IBUG68


class Faces:
    """Faces of one shape, in boxes of their own; their pictures cannot be read."""

    unlabelled = False

    def __init__(self, shape, numbers):
        self.shape, self.numbers = shape, numbers

    def __len__(self):
        return len(self.numbers)

    def take(self, chosen):
        return type(self)(self.shape, self.numbers[chosen])

    def record(self, index):
        index = self.numbers[index]
        box = np.float32([index, 2 * index, index + 10, 2 * index + 20])
        points = box[:2] + self.shape * (box[2:] - box[:2])
        return types.SimpleNamespace(points=points, box=box)


def canvases(scheme, place, count=5):
    shape = np.full((scheme.count, 2), place, np.float32)
    return streams.Canvases(
        Faces(shape, np.arange(count)), framing=points.Framing(2.0), size=8
    )


@pytest.fixture
def measured(monkeypatch):
    """A function of (tests, train) to what each evaluation was given as mean."""

    def run(tests, train, own=IBUG68):
        means = {}

        def evaluate(benchmark, predict, test, scheme, wrong, mean):
            means[wrong.of(test.name), scheme.count] = mean
            return len(means)

        for name in ("_predictor", "_labels", "_fit", "_asked", "_calibrate"):
            monkeypatch.setattr(measurement.Benchmark, name, lambda *_: None)
        monkeypatch.setattr(measurement.Benchmark, "_evaluate", evaluate)
        spec = types.SimpleNamespace(scheme=own, any_place=False)
        found = measurement.Benchmark(spec, None).run(None, tests, train=train)
        return means, found

    return run


def test_a_mean_face_is_of_the_train_faces_of_its_scheme(measured):
    tests = [
        testsets.TestSet("synthetic", canvases(DENSE, 9.0), DENSE),
        testsets.TestSet("common", canvases(IBUG68, 9.0), IBUG68),
    ]
    train = {DENSE: canvases(DENSE, 0.25), IBUG68: canvases(IBUG68, 0.5)}
    means, found = measured(tests, train, own=DENSE)
    wanted = {("synthetic", 243): 0.25, ("synthetic", 68): 0.5, ("common", 68): 0.5}
    assert means.keys() == wanted.keys()
    for name, place in wanted.items():
        np.testing.assert_allclose(means[name], place, atol=1e-5)
    # Of 243 and of 68 points apart.
    assert list(found.evaluations) == ["synthetic", "synthetic 68 points", "common"]


@pytest.mark.parametrize("curves", [(("chin", 3),), (("chin", 3), ("lips", 60))])
def test_a_scheme_without_eyes_is_measured_by_its_box_alone(curves, monkeypatch):
    few = schemes.Scheme("few", curves)
    own = np.random.default_rng(0).uniform(1, 7, (2, few.count, 2)).astype("f")
    image, box = np.zeros((2, 8, 8, 3), "f"), np.float32([[0, 0, 8, 8]] * 2)
    batch = Batch(image, own, np.zeros(own.shape[:2], "i1"), box, np.ones(2, bool))
    monkeypatch.setattr(measurement.Benchmark, "_batches", lambda *_: [batch])
    test = types.SimpleNamespace(name="own", canvases=None, scheme=few, groups={})
    how = measurement.Measuring(batch=2, flip=False, views=1, failure=8.0, drawn=1)
    found = measurement.Benchmark(None, how)._evaluate(
        lambda images: {"direct": batch.points + 0.5}, test, few, boxes.Boxes(), None
    )
    by = {row["normaliser"]: row for row in found.rows}
    assert [by[name]["faces"] for name in ("ocular", "pupil", "box")] == [0, 0, 2]
    size = np.sqrt(np.ptp(own, axis=1).prod(-1))
    expected = 100 * np.sqrt(0.5) * (1 / size).mean()
    np.testing.assert_allclose(by["box"]["nme"], expected, rtol=1e-5)


def test_without_train_faces_there_is_no_mean_face(measured):
    tests = [testsets.TestSet("synthetic", canvases(DENSE, 9.0), DENSE)]
    means, _ = measured(tests, {}, own=DENSE)
    assert means == {("synthetic", 243): None, ("synthetic", 68): None}


def test_a_mean_face_looks_at_a_limited_number_of_faces(measured, monkeypatch):
    monkeypatch.setattr(measurement, "MOST", 4)
    looked = []
    faces = canvases(IBUG68, 0.5, count=9)
    take = Faces.take
    monkeypatch.setattr(
        Faces, "take", lambda self, chosen: looked.extend(chosen) or take(self, chosen)
    )
    tests = [testsets.TestSet("common", faces, IBUG68)]
    measured(tests, {IBUG68: faces})
    assert looked == [0, 3, 6]
