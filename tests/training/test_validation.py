"""Held-out faces: measured in time, the best kept, and nothing of it is training."""

import time

import numpy as np
import pytest

from lmkjax.training import averaged, log, loop, validation
from tests.training import test_loop

FOUND = {3: 9.0, 6: 4.0, 9: 6.0, 10: 5.0}
"""What the faces say of the weights after so many steps."""


class Faces:
    """Held-out faces that answer as `FOUND` says, in the order of being asked."""

    def __init__(self, *, asked=0):
        self.answers, self.seen = list(FOUND.values())[asked:], []

    def __call__(self, weights):
        self.seen.append(np.array(weights["w"]))
        return self.answers[len(self.seen) - 1]


def validate(workdir, faces, **more):
    every = validation.Validation(3, faces)
    intervals = loop.Intervals(log_every=2, save_every=4)
    return test_loop.train(workdir, 10, validation=every, intervals=intervals, **more)


def told(workdir):
    lines = test_loop.lines(workdir)
    return {r["step"]: r[validation.NME] for r in lines if validation.NME in r}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    workdir, faces = tmp_path_factory.mktemp("validated"), Faces()
    return workdir, faces, validate(workdir, faces)


def test_the_error_is_logged_every_so_often_and_at_the_end(whole):
    workdir, _, _ = whole
    assert told(workdir) == FOUND
    assert [r["step"] for r in test_loop.lines(workdir)] == [2, 3, 4, 6, 8, 9, 10]


def test_the_weights_that_did_best_are_kept_beside_the_last(whole):
    workdir, faces, result = whole
    best, last = (averaged.load(workdir, best=x)["w"] for x in (True, False))
    np.testing.assert_array_equal(best, faces.seen[1])
    np.testing.assert_array_equal(last, np.asarray(result.state.ema["w"]))
    assert averaged.notes(workdir / averaged.BEST) == {"step": 6.0, "nme": 4.0}


@pytest.mark.parametrize(("at", "asked"), [(5, 1), (7, 2), (9, 3)])
def test_looking_changes_nothing_and_a_run_taken_up_again_knows_its_best(
    whole, at, asked, tmp_path
):
    validate(tmp_path, Faces(), open_=test_loop.stopping(at))
    again = validate(tmp_path, Faces(asked=asked))
    test_loop.equal(again.state, test_loop.train(tmp_path / "unseen", 10).state)
    assert told(tmp_path) == FOUND
    assert averaged.notes(tmp_path / averaged.BEST)["step"] == 6


def test_an_error_that_is_no_number_is_never_best(tmp_path):
    best = validation.Best(tmp_path, validation.Validation(1, lambda w: w["w"][0]))
    for step, error in enumerate([np.nan, 5.0, np.nan, 7.0, np.inf]):
        best.measure({"w": np.array([error])}, step)
    assert averaged.notes(tmp_path / averaged.BEST) == {"step": 1.0, "nme": 5.0}
    (tmp_path / averaged.BEST).write_bytes(b"cut")  # it is told, and written anew
    best = validation.Best(tmp_path, validation.Validation(1, lambda w: w["w"][0]))
    best.measure({"w": np.array([6.0])}, 9)
    assert averaged.notes(tmp_path / averaged.BEST) == {"step": 9.0, "nme": 6.0}


def test_measuring_is_no_training_time():
    clock = log.Clock(100.0, faces=4)
    with clock.paused():
        time.sleep(0.2)
    assert 100.0 <= clock.seconds() < 100.1
