"""A clip's person: what moves does so smoothly, and within what faces can do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.face import labels
from lmkjax.face.priors import options
from lmkjax.face.shape import head as heads
from lmkjax.studio import gallery
from lmkjax.video import motion

TIMES = np.arange(40) / 25.0
SIZE = 48


def test_the_spline_by_hand():
    knots = jnp.array([0.0, 0.0, 6.0, 0.0, 0.0, 0.0])
    found = motion.spline(knots, jnp.array([1.0, 1.5, 2.0, 3.0]))
    np.testing.assert_allclose(found, [1.0, 2.875, 4.0, 1.0], rtol=1e-6)


def test_the_spline_keeps_lines_and_never_leaves_its_knots():
    at = jnp.linspace(1.0, 7.0, 50)
    line = motion.spline(jnp.arange(9.0)[:, None] * jnp.array([[1.0, -2.0]]), at)
    np.testing.assert_allclose(line[:, 1], -2 * at, rtol=1e-5)
    wild = np.random.default_rng(0).uniform(size=(9, 3)).astype(np.float32)
    found = np.asarray(motion.spline(jnp.asarray(wild), at))
    assert (found >= wild.min(0) - 1e-6).all() and (found <= wild.max(0) + 1e-6).all()


@pytest.fixture(scope="module")
def person():
    keys = gallery.keys(0, 0, motion.needed(TIMES))
    priors = options.choose("photo", ["large_poses=0"])
    return motion.moments(keys, TIMES, size=SIZE, priors=priors)


def test_what_is_ones_own_stays_and_what_moves_moves_smoothly(person):
    assert np.ptp(person.identity, axis=0).max() == 0
    assert np.ptp(person.skin.age, axis=0).max() == 0
    for part in (person.camera.yaw_rad, person.light.colours, person.camera.shift):
        part = np.asarray(part).reshape(len(TIMES), -1)
        first, second = (np.abs(np.diff(part, n, axis=0)) for n in (1, 2))
        assert first.max() > 0
        assert second.max() < 0.5 * first.max()


def test_expressions_are_possible_eyes_shut_and_lamps_have_directions(person):
    names = heads.load().expression_names
    assert person.expression.min() >= 0 and person.expression.max() <= 1 + 1e-5
    assert np.ptp(person.expression, axis=0).max() > 0.3
    both = person.expression[:, [names.index(f"eyeBlink_{s}") for s in "LR"]]
    assert both.min(-1).max() > 0.5
    length = np.linalg.norm(person.light.directions, axis=-1)
    np.testing.assert_allclose(length, 1, rtol=1e-5)


def test_the_camera_stands_still_while_a_mouth_opens(person):
    """Or the head would seem to shrink: pictures are cut about the face's box."""
    views = jax.jit(jax.vmap(lambda one: labels.pose(one, size=SIZE).view))(person)
    pace = np.abs(np.diff(np.log(views.scale), 2))
    assert pace.max() < 0.005
    assert np.abs(views.shift - SIZE / 2).max() < SIZE * motion.WANDERS * 1.01
