"""The One-Euro filter: values by hand, and what it must keep and must calm."""

import math

import numpy as np
import pytest

from lmkjax.video import one_euro

RNG = np.random.default_rng(0)
FACE = RNG.normal(size=(40, 2)) * 30 + 100
SURE = np.full(40, 1.0)


def run(points, doubts=SURE, *, step_s=0.04, **options):
    follow = one_euro.OneEuro(**options)
    told = [
        follow(own, doubts, side=100.0, time_s=i * step_s)
        for i, own in enumerate(points)
    ]
    return np.stack(told)


def test_one_step_by_hand():
    """A point of four moves alone; the three others, far surer, say: the face rests."""
    old, new = FACE[:4], FACE[:4] + np.array([[0, 0]] * 3 + [[10, 0]])
    doubts = np.array([1e-3, 1e-3, 1e-3, 4.0])
    found = run([old, new], doubts, cutoff_hz=2.0, slope=3.0)[1]
    speed = 10 / 0.04 / (1 + 1 / (2 * math.pi * 1.0 * 0.04))  # of which 1 Hz passes
    cutoff = (2.0 + 3.0 * speed / 100) * math.sqrt(1.0 / 4.0)
    share = 1 / (1 + 1 / (2 * math.pi * cutoff * 0.04))
    np.testing.assert_allclose(found[3] - old[3], [10 * share, 0], rtol=1e-4)
    np.testing.assert_allclose(found[:3], old[:3], atol=1e-4)


def test_a_face_that_moves_as_a_whole_does_not_lag():
    moved = []
    for i in range(30):
        turn = 1.02**i * np.exp(0.05j * i)
        own = ((FACE - 100) @ [1, 1j]) * turn + 3 * i
        moved.append(np.stack([own.real, own.imag], -1))
    np.testing.assert_allclose(run(moved), moved, atol=1e-6)


def test_noise_is_calmed_the_more_the_less_sure_a_point_is():
    doubts = np.where(np.arange(40) < 20, 0.5, 4.0)
    noise = RNG.normal(size=(200, 40, 2))
    found = run(FACE + noise, doubts) - FACE
    rough = np.diff(found, 2, axis=0).std((0, 2)) / np.diff(noise, 2, axis=0).std()
    assert rough[:20].mean() < 0.6 and rough[20:].mean() < 0.9 * rough[:20].mean()


def test_a_point_that_moves_and_stays_is_reached():
    jump = np.tile(FACE, (60, 1, 1))
    jump[1:, 7] += 20
    assert np.abs(run(jump)[-1] - jump[-1]).max() < 1.0


def test_the_first_points_are_taken_as_they_are():
    np.testing.assert_array_equal(run([FACE])[0], FACE)


@pytest.mark.parametrize("step_s", [0.0, 1e-4, 60.0])
def test_any_step_in_time_gives_numbers_between_old_and_new(step_s):
    found = run([FACE, FACE + RNG.normal(size=FACE.shape)], step_s=step_s)
    assert np.isfinite(found).all()
    assert np.abs(found[1] - FACE).max() < 10
