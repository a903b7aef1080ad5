"""Rows and columns mixed, blocks compressed: values by hand and laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.images import filters


@pytest.fixture
def image(key):
    return jax.random.uniform(key, (16, 24, 3))


def test_a_gaussian_spreads_a_dot_as_wide_as_asked():
    dot = jnp.zeros((32, 32, 3)).at[15, 18].set(1.0)
    rows = filters.blurring(jnp.float32(2.0), size=32)
    soft = jax.jit(filters.mix)(dot, rows, rows)
    x = np.arange(32)
    across = np.asarray(soft[..., 0]).sum(0)
    np.testing.assert_allclose(across.sum(), 1, atol=1e-3)
    np.testing.assert_allclose((across * x).sum(), 18, atol=1e-2)
    np.testing.assert_allclose((across * (x - 18) ** 2).sum() ** 0.5, 2, rtol=1e-2)


@pytest.mark.parametrize("factor", [2.0, 4.0])
def test_coarse_rows_keep_a_plain_colour_and_a_slope(factor):
    rows = filters.coarsening(jnp.float32(factor), size=16)
    np.testing.assert_allclose(rows @ np.ones(16), 1, rtol=1e-6)
    slope = rows @ np.arange(16.0)
    inner = slice(4, -4)  # the rim has no neighbour to lean on
    np.testing.assert_allclose(slope[inner], np.arange(16.0)[inner], rtol=1e-5)


def test_compression_in_fine_levels_is_nothing(image):
    same = jax.jit(filters.compress)(image, jnp.full(3, 1e-4))
    np.testing.assert_allclose(same, image, atol=1e-3)
    coarse = jax.jit(filters.compress)(image, jnp.full(3, 0.5))
    assert jnp.abs(coarse - image).max() > 0.03


def test_the_waves_of_compression_are_orthonormal():
    waves = filters._WAVES
    np.testing.assert_allclose(waves @ waves.T, np.eye(8), atol=1e-6)


def test_three_pixels_become_one_by_hand():
    few = filters.shrinking(jnp.float32(1.5), size=3)
    np.testing.assert_allclose(few[:2] * 1.5, [[1, 0.5, 0], [0, 0.5, 1]], atol=1e-6)
    many = filters.enlarging(jnp.float32(1.5), size=3)
    # Centres 0.5, 1.5, 2.5 are at -1/6 (the rim), 1/2 and 7/6 (the rim) of the two.
    np.testing.assert_allclose(many[:, :2], [[1, 0], [0.5, 0.5], [0, 1]], atol=1e-6)


def test_a_factor_of_one_is_nothing(image):
    rows, columns = (filters.coarsening(jnp.float32(1), size=n) for n in (16, 24))
    np.testing.assert_allclose(filters.mix(image, rows, columns), image, atol=1e-6)


def test_rows_for_another_picture_are_refused(image):
    with pytest.raises(TypeCheckError):
        filters.mix(image, jnp.eye(24), jnp.eye(24))
