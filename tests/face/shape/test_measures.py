"""Measures with names: each moves its own length by what it says, and no other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import measures
from tests import egg

HEAD = heads.load()
FOUND = measures.table(HEAD)
CALM = jnp.zeros(len(HEAD.expression_names))


@jax.jit
def measured(identity):
    return jnp.stack(
        list(measures.measure(HEAD, HEAD.vertices(identity, CALM)).values())
    )


def test_lengths_of_places_by_hand():
    spots = jnp.array([[0.0, 0, 0], [3, 4, 0], [0, 2, 1], [6, 0, 0], [3, 0, 5]])
    assert measures._gap(((0,), (1,)))(spots) == 5
    assert measures._gap(((0, 3), (1,)), ((0,), (3,)))(spots) == (4 + 6) / 2
    assert measures._rise((1, 2), (0,))(spots) == 3
    assert measures._rise((1, 2), (0,), axis=2)(spots) == 0.5
    assert measures._bulge((4, 0, 3))(spots) == 5  # from the line along x


@pytest.mark.parametrize(
    ("name", "ends"),
    [("face_width", (0, 16)), ("mouth_width", (48, 54)), ("nose_width", (31, 35))],
)
def test_a_mean_is_that_of_the_mean_head(name, ends):
    """By the makers' vertices, which lie where these points do, or nearly."""
    a, b = HEAD.neutral[HEAD.ibug68[list(ends)]]
    mean = FOUND.mean_cm[measures.NAMES.index(name)]
    assert abs(mean - np.linalg.norm(a - b)) < 0.4


@pytest.mark.parametrize("name", measures.NAMES)
@pytest.mark.parametrize("amount", [-2.0, 1.0])
def test_a_direction_moves_its_own_measure_and_no_other(name, amount):
    found = measured(measures.identity(HEAD, {name: amount}))
    expected = np.where(np.array(measures.NAMES) == name, amount, 0)
    # The lengths bend a little: chin and lips by a third of a deviation at most.
    np.testing.assert_allclose(found, expected, atol=0.4)
    assert np.abs(found - expected).mean() < 0.12


def test_a_person_keeps_all_that_is_not_named():
    person = jax.random.normal(jax.random.key(1), (HEAD.modes,))
    wished = {"nose_length": 1.5, "jaw_width": -1.0}
    other = measures.hold(HEAD, person, wished)
    before, after = FOUND.slopes @ person, FOUND.slopes @ other
    for i, name in enumerate(measures.NAMES):
        assert abs(after[i] - wished.get(name, before[i])) < 1e-3
    # The change is the least that does it: nothing beside the slopes' own space.
    move = np.asarray(other - person)
    rest = move - FOUND.slopes.T @ np.linalg.lstsq(FOUND.slopes.T, move)[0]
    assert np.abs(rest).max() < 1e-4


def test_a_crowd_has_mean_0_and_spread_1():
    crowd = jax.random.normal(jax.random.key(2), (1500, HEAD.modes))
    found = jax.lax.map(measured, crowd)
    np.testing.assert_allclose(found.mean(0), 0, atol=0.12)
    np.testing.assert_allclose(found.std(0), 1, atol=0.08)
    assert (FOUND.fit > 0.9).all()


def test_measures_see_no_side():
    """A mode that makes a face lopsided has no slope."""
    odd = FOUND.slopes[:, HEAD.identity_sign < 0]
    even = FOUND.slopes[:, HEAD.identity_sign > 0]
    assert np.abs(odd).mean() < 0.15 * np.abs(even).mean()


def test_a_drawn_face_has_the_measures_that_were_asked_for(key):
    draw = jax.jit(lambda k: sample.sample(k, measures={"lip_thickness": 2.0}))
    plain, asked = jax.jit(sample.sample)(key), draw(key)
    row = FOUND.slopes[measures.NAMES.index("lip_thickness")]
    assert abs(row @ asked.identity - 2.0) < 1e-3
    assert np.abs(plain.identity - asked.identity).max() > 0.1
    np.testing.assert_array_equal(plain.camera.yaw_rad, asked.camera.yaw_rad)


def test_an_egg_is_as_wide_as_it_is_asked_to_be():
    """Its first mode widens all of it by 5 %: 6.8 cm on each side, so 0.68 cm."""
    shell = egg.make(scalp=False)
    found = measures.table(shell)
    width = measures.NAMES.index("face_width")
    np.testing.assert_allclose(found.mean_cm[width], 13.6, atol=0.05)
    np.testing.assert_allclose(found.sd_cm[width], 0.68, rtol=0.05)
    np.testing.assert_allclose(found.slopes[width], [1, 0], atol=0.05)


def test_an_unknown_measure_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="'nose_lenght'.*nose_length"):
        measures.identity(HEAD, {"nose_lenght": 1.0})


def test_nobody_asks_for_a_measure_and_the_person_stays():
    person = jnp.arange(HEAD.modes, dtype=jnp.float32)
    np.testing.assert_array_equal(measures.hold(HEAD, person, {}), person)
    np.testing.assert_array_equal(measures.identity(HEAD, {}), 0 * person)
