"""Between a table's entries: by hand, beyond its ends, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.images import lookup

TABLE = np.arange(2 * 4 * 3, dtype=np.float32).reshape(2, 4, 3) ** 2


def ask(x, y, **words):
    places = jnp.array([x], jnp.float32), jnp.array([y], jnp.float32)
    return np.asarray(lookup.between(jnp.asarray(TABLE), *places, **words))[0]


def test_a_place_between_four_entries_is_their_weighted_mean():
    upper = 0.75 * TABLE[0, 1] + 0.25 * TABLE[0, 2]
    lower = 0.75 * TABLE[1, 1] + 0.25 * TABLE[1, 2]
    np.testing.assert_allclose(ask(1.25, 0.4), 0.6 * upper + 0.4 * lower, rtol=1e-6)
    for wraps in (False, True):
        np.testing.assert_array_equal(ask(2, 1, wraps=wraps), TABLE[1, 2])


def test_beyond_its_ends_a_table_goes_on_or_begins_anew():
    np.testing.assert_array_equal(ask(9.0, -3.0), TABLE[0, 3])
    anew = 0.5 * TABLE[1, 3] + 0.5 * TABLE[1, 0]
    np.testing.assert_allclose(ask(3.5, 1.0, wraps=True), anew, rtol=1e-6)
    np.testing.assert_array_equal(ask(4.0, 2.0, wraps=True), TABLE[0, 0])


def test_bytes_are_read_as_numbers_and_compiled_it_says_the_same():
    table = jnp.asarray(TABLE % 251, jnp.uint8)
    x, y = jnp.array([[0.5, 2.25, 3.0]]), jnp.array([[0.5, 0.0, 1.0]])
    found = jax.jit(lookup.between)(table, x, y)
    assert found.shape == (1, 3, 3) and found.dtype == jnp.float32
    np.testing.assert_allclose(found, lookup.between(table, x, y), rtol=1e-6)
    np.testing.assert_allclose(found[0, 0], np.asarray(table)[:, :2].mean((0, 1)))


def test_a_table_without_channels_is_refused():
    with pytest.raises(TypeCheckError):
        lookup.between(jnp.zeros((4, 5)), jnp.zeros(2), jnp.zeros(2))
