"""Some places of a scheme: how many, how far apart, and each as likely as another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.landmarks import places
from lmkjax.types import SKIN, Places

LANDMARKS = 7
OWN = Places(
    np.arange(LANDMARKS * 3, dtype=np.float32).reshape(LANDMARKS, 3),
    np.zeros(LANDMARKS, np.int32),
    np.zeros(LANDMARKS, np.float32),
)


def rows(key, count):
    """Which they are: a place's number stands in its x."""
    found = places.some(key, OWN, count=count)
    return np.asarray(found.xyz[:, 0] / 3).astype(int)


@pytest.mark.parametrize("count", [0, 7, 9])
def test_of_few_landmarks_all_are_asked_about(count):
    assert places.some(jax.random.key(0), OWN, count=count) is OWN


@pytest.mark.parametrize("count", [1, 3, 5])
def test_any_is_as_likely_as_another_and_they_lie_far_apart(count):
    keys = jax.random.split(jax.random.key(1), 7000)
    drawn = jax.jit(jax.vmap(lambda key: places.some(key, OWN, count=count).xyz))(keys)
    found = np.asarray(drawn[..., 0] / 3).astype(int)
    assert found.shape == (7000, count)
    if count > 1:
        assert np.diff(found).min() >= LANDMARKS // count
    often = np.bincount(found.ravel(), minlength=LANDMARKS) / 7000
    np.testing.assert_allclose(often, count / LANDMARKS, atol=0.03)


def test_without_chance_they_are_always_the_same():
    np.testing.assert_array_equal(rows(None, 3), [1, 3, 5])
    assert jnp.asarray(places.some(None, OWN, count=3).part).dtype == jnp.int32


def test_places_of_the_skin_are_numbers_near_the_head():
    found = places.on_skin([[0, -1, 11], [3, -4, 8.5]])
    np.testing.assert_array_equal(found.xyz, [[0, -1, 11], [3, -4, 8.5]])
    assert (found.part == SKIN).all()


@pytest.mark.parametrize(
    ("xyz", "words"),
    [
        ([[0, 1]], "shape .1, 2."),
        ([[0, 1, 2], [0, 1]], "finite numbers"),
        ([["a", 1, 2]], "finite numbers"),
        ([[0, 1, np.nan]], "finite numbers"),
        ([[0, -1, 110]], "110.0 cm away"),
    ],
)
def test_what_is_no_place_of_the_skin_is_refused(xyz, words):
    with pytest.raises(UserError, match=words):
        places.on_skin(xyz)
