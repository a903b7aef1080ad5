"""Where a head is right, where it would be wrong, and how far another is from it."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.losses import agreement

TOPS = np.array([[[1, 2], [4, 6], [4, 5]], [[0, 0], [2, 2], [2, 2]]])  # row, column


def logits():
    """Maps [2 5 7 3] with their highest cells there."""
    maps = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)
    for face, tops in enumerate(TOPS):
        for landmark, (row, column) in enumerate(tops):
            maps[face, row, column, landmark] = 9.0
    return jnp.asarray(maps)


def test_truth_is_a_bell_at_the_highest_cell_and_has_no_gradient():
    found = jax.jit(agreement.truth, static_argnames="sigma_px")(logits(), sigma_px=1.5)
    rows, columns = np.mgrid[:5, :7]
    for face, tops in enumerate(TOPS):
        for landmark, (row, column) in enumerate(tops):
            away = (rows - row) ** 2 + (columns - column) ** 2
            expected = np.exp(-away / (2 * 1.5**2))
            np.testing.assert_allclose(
                found[face, ..., landmark], expected, rtol=1e-5, atol=1e-6
            )
    grad = jax.grad(lambda x: agreement.truth(x, sigma_px=1.0).sum())(logits())
    np.testing.assert_array_equal(grad, 0)


def test_false_is_where_the_others_are_and_no_more_than_sure():
    """Two landmarks at one cell are false there no more than one is."""
    truth = agreement.truth(logits(), sigma_px=0.4)
    false = agreement.falsehood(truth)
    for face, tops in enumerate(TOPS):
        for landmark in range(3):
            for other, (row, column) in enumerate(tops):
                alone = tuple(tops[landmark]) != (row, column)
                if other != landmark and alone:
                    found = false[face, row, column, landmark]
                    np.testing.assert_allclose(found, 1.0, atol=1e-3)
    np.testing.assert_allclose(false[0, 1, 2, 0], 0.0, atol=1e-3)  # where it is itself
    np.testing.assert_array_equal(agreement.falsehood(truth[..., :1]), 0)


def test_divergence_by_hand_and_nothing_of_what_is_wanted():
    target = jnp.zeros((1, 2, 2, 2)).at[0, 0, 0].set(jnp.array([3.0, 0.0]))
    target = target.at[0, 1, 1, 0].set(1.0)
    maps = jnp.zeros((1, 2, 2, 2)).at[0, 0, 1, 0].set(math.log(5.0))
    wanted = 0.75 * math.log(0.75 * 8) + 0.25 * math.log(0.25 * 8)
    found = jax.jit(agreement.divergence)(maps, target)
    np.testing.assert_allclose(found, [[wanted, 0.0]], rtol=1e-5, atol=1e-6)
    truth = agreement.truth(logits(), sigma_px=1.0)
    same = agreement.divergence(jnp.log(truth + 1e-20), truth)
    np.testing.assert_allclose(same, 0.0, atol=1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="sigma_px > 0; got 0"):
        agreement.truth(logits(), sigma_px=0.0)
