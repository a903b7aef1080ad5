"""Statistics of populations: invented ones, of which all is known beforehand."""

import numpy as np
import pytest

from lmkjax.studio.audit import population

RNG = np.random.default_rng(0)
SIGNS = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])


def shape():
    """A face that is none, as x + iy: eyes level, 100 apart, points' mean at 0."""
    flat = RNG.normal(0, 40, 68) + 1j * RNG.normal(0, 40, 68)
    flat[[36, 45]] = [-50, 50]
    flat[:36] -= flat.sum() / 36
    return flat


FACE = shape()


def ways(count):
    """Orthonormal ways to change it that neither move, turn nor scale it [c 68].

    Eyes' corners stay where they are, so that the frame does too.
    """
    found = []
    free = np.setdiff1d(np.arange(68), [36, 45])
    for _ in range(count):
        way = np.zeros(68, complex)
        way[free] = RNG.normal(size=66) + 1j * RNG.normal(size=66)
        held = np.stack([np.ones(68), FACE, *found])[:, free].T
        way[free] -= held @ np.linalg.lstsq(held, way[free], rcond=None)[0]
        found.append(way / np.linalg.norm(way))
    return np.stack(found)


FIRST, SECOND, THIRD = ways(3)


def faces(first, second, mean=0.0):
    """Faces with these standard deviations, each moved, turned and scaled."""
    shapes = FACE + mean + SIGNS @ np.stack([first * FIRST, second * SECOND])
    turn = np.exp(RNG.normal(size=(4, 1)) + 1j * RNG.normal(size=(4, 1)))
    shapes = shapes * turn + 100 * (RNG.normal(size=(4, 1)) + 2j)
    return np.stack([shapes.real, shapes.imag], -1)


def test_means_and_spreads_are_those_that_were_put_in():
    # Small against the 100 between the eyes: Procrustes bends what is large.
    found = population.compare(faces(0.3, 0.6, 0.5 * THIRD), faces(0.8, 0.2))
    np.testing.assert_allclose(found.real.deviations[:2], [0.8, 0.2], rtol=1e-3)
    np.testing.assert_allclose(found.rendered.deviations[:2], [0.3, 0.6], rtol=1e-3)
    np.testing.assert_allclose(found.real.deviations[2:], 0, atol=1e-3)
    assert found.real.share == pytest.approx(1) == found.rendered.share
    mean = found.real.mean @ [1, 1j]
    np.testing.assert_allclose(mean, FACE, atol=0.01)
    for name, own in population.GROUPS.items():
        due = np.sqrt(np.mean(np.abs(0.5 * THIRD[own]) ** 2))
        assert found.apart[name] == pytest.approx(due, rel=0.02)
        both = np.abs(0.8 * FIRST[own]) ** 2 + np.abs(0.2 * SECOND[own]) ** 2
        assert found.real.spread[name] == pytest.approx(np.sqrt(both.mean()), rel=0.02)
        assert found.within(name) == (found.apart[name] <= found.real.spread[name])


@pytest.mark.parametrize(("amount", "within"), [(0.1, True), (3.0, False)])
def test_means_too_far_apart_do_not_pass(amount, within):
    moved = faces(0.3, 0.6, amount * FIRST)
    found = population.compare(moved, faces(0.8, 0.2))
    assert [found.within(name) for name in population.GROUPS] == [within] * 5


def test_the_same_faces_moved_turned_and_scaled_do_not_spread():
    found = population.compare(faces(0.0, 0.0))
    assert max(found.rendered.spread.values()) < 1e-9
    assert found.real is None and not found.within("jaw")
    np.testing.assert_allclose(found.rendered.mean @ [1, 1j], FACE, atol=1e-9)


def test_nose_and_tilt_by_hand():
    points = np.zeros((3, 68, 2))
    points[:, :, 1] = 100 * RNG.normal(size=68)
    points[:, [36, 45]] = [[0, 0], [100, 0]]
    points[:, [0, 16]] = [[-20, 40], [120, 44]]  # their middle: x = 50
    points[:, 30] = [[50, 60], [75, 60], [0, -9]]
    angle = np.deg2rad([0, 10, -20])
    turn = np.stack([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = np.einsum("ijn,nkj->nki", turn, points) * 3 + 7
    found = population.compare(turned).rendered
    np.testing.assert_allclose(found.offset, [0, 0.25, -0.5], atol=1e-9)
    np.testing.assert_allclose(found.tilt_deg, [0, 10, -20], atol=1e-9)


def test_one_face_and_a_face_without_eyes_are_refused():
    with pytest.raises(ValueError, match="two faces"):
        population.compare(faces(1, 1), faces(1, 1)[:1])
    blind = faces(1, 1)
    blind[2, 45] = blind[2, 36]
    with pytest.raises(ValueError, match="corners of the eyes"):
        population.compare(blind)
