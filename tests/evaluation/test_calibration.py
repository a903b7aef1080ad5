"""Calibration: what is drawn as it is said is found to be so; what is not is told."""

import numpy as np
import pytest

from lmkjax.evaluation import calibration
from lmkjax.types import UNKNOWN

RNG = np.random.default_rng(0)
N = 20_000


def errors_of(deviation):
    """Distances drawn from the density exp(-r / s) over the plane."""
    return RNG.gamma(2.0, deviation / np.sqrt(3))


def test_errors_as_said_lie_in_their_circles():
    deviation = RNG.uniform(0.5, 4, N)
    error = errors_of(deviation)
    for level in calibration.LEVELS:
        assert calibration.within(error, deviation, level) == pytest.approx(
            level, abs=0.01
        )
        assert calibration.within(error, deviation / 2, level) < level - 0.1
    # Along an axis: a direction by chance halves the mean square.
    np.testing.assert_allclose(
        np.square(errors_of(np.ones(N))).mean() / 2, 1.0, rtol=0.05
    )


def test_a_factor_makes_half_of_each_landmarks_errors_lie_within():
    deviation = RNG.uniform(0.5, 4, (4000, 3))
    error = errors_of(deviation * np.array([0.5, 1.0, 3.0]))
    found = calibration.factor(error, deviation)
    np.testing.assert_allclose(found, [0.5, 1.0, 3.0], rtol=0.1)


def test_a_factor_leaves_out_what_does_not_count():
    deviation = RNG.uniform(0.5, 4, (4000, 3))
    error = errors_of(deviation * np.array([0.5, 1.0, 3.0]))
    error[::2, 0], error[:, 2] = np.nan, np.nan
    found = calibration.factor(error, deviation)
    np.testing.assert_allclose(found[:2], [0.5, 1.0], rtol=0.1)
    assert 0.6 < found[2] < 1.0  # of all together
    np.testing.assert_array_equal(calibration.factor(error * np.nan, deviation), 1.0)


def test_auroc_is_the_chance_of_a_right_order():
    score = np.array([0.1, 0.4, 0.35, 0.8])
    truth = np.array([False, False, True, True])
    assert calibration.area_under_roc(score, truth) == 0.75
    assert calibration.area_under_roc(np.zeros(4), truth) == 0.5  # ties
    assert np.isnan(calibration.area_under_roc(score, truth & False))


def test_figures_leave_out_what_nobody_knows():
    deviation = RNG.uniform(0.5, 4, N)
    error = errors_of(deviation)
    chance = RNG.dirichlet(np.ones(4), N)
    state = np.array([RNG.choice(4, p=p) for p in chance])
    error[:100], state[50:200] = np.nan, UNKNOWN
    found = calibration.measure(calibration.Answers(error, deviation, chance, state))
    assert found["landmarks"] == N - 100
    assert 0.3 < found["rank_correlation"] < 1
    assert set(found["auroc"]) == set(calibration.STATES)
    assert all(0.7 < a < 1 for a in found["auroc"].values())
    assert sum(found["share"].values()) == pytest.approx(1)
    assert sum(n for *_, n in found["reliability"]) == N - 150
    for said, so, n in found["reliability"]:
        assert so == pytest.approx(said, abs=4 / np.sqrt(n))
    only = calibration.measure(calibration.Answers(error, deviation, None, state))
    assert "auroc" not in only
