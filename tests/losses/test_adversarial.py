"""Losses between domains: the published value, the SVD, reversed gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.losses import adversarial

# One sharp bump for each of 5 faces and 3 landmarks, or nothing at all.
PLACES = jax.nn.one_hot(jnp.array([0, 9, 18, 27, 36]), 64)
SURE = jnp.broadcast_to(40 * PLACES.reshape(5, 8, 8, 1), (5, 8, 8, 3))
UNSURE = jnp.zeros((5, 8, 8, 3))


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.0), (100, 0.0500), (1000, 0.4621), (5000, 0.9866)]
)
def test_the_strength_of_the_reversal_is_the_published_one(step, expected):
    """Of a ramp of 1,000 steps in a training of 10,000."""
    strength = adversarial.reversal_strength(jnp.float32(step / 10_000), ramp=0.1)
    np.testing.assert_allclose(strength, expected, atol=5e-5)


def test_without_a_ramp_all_of_the_gradient_is_reversed_at_once():
    np.testing.assert_array_equal(
        adversarial.reversal_strength(jnp.zeros(()), ramp=0.0), 1.0
    )


def test_reversal_keeps_the_value_and_turns_the_gradient():
    x = jnp.arange(6.0).reshape(2, 3)

    @jax.jit
    def total(x):
        return jnp.square(adversarial.reverse(x, jnp.float32(0.25))).sum()

    np.testing.assert_array_equal(total(x), 55.0)
    np.testing.assert_allclose(jax.grad(total)(x), -0.25 * 2 * x)


def test_the_golden_value_of_the_authors_formula():
    source = jax.nn.softmax(3 * jnp.sin(jnp.arange(12.0)).reshape(4, 3), axis=1)
    target = jax.nn.softmax(jnp.cos(jnp.arange(12.0)).reshape(4, 3), axis=1)
    norms = [adversarial.nuclear_norm(m) for m in (source, target)]
    np.testing.assert_allclose(norms, [2.4842206, 1.7540690], rtol=1e-6)
    nwd = jax.jit(adversarial.discrepancy)(source, target)
    np.testing.assert_allclose(nwd, 0.1825378950, rtol=2e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4, 9), (7, 8, 64), (6, 20, 5), (3, 5, 5)])
def test_norm_and_gradient_equal_the_svds(key, shape):
    matrix = jax.nn.softmax(2 * jax.random.normal(key, shape), axis=-1)
    u, s, vt = np.linalg.svd(np.asarray(matrix, np.float64), full_matrices=False)
    norm = jax.jit(adversarial.nuclear_norm)(matrix)
    np.testing.assert_allclose(norm, s.sum(-1), rtol=1e-5)
    grad = jax.grad(lambda m: adversarial.nuclear_norm(m).sum())(matrix)
    np.testing.assert_allclose(grad, u @ vt, atol=2e-3)


def test_repeated_and_zero_singular_values_are_nothing_special():
    both = jnp.stack([jnp.eye(3, 5), jnp.zeros((3, 5)), jnp.ones((3, 5))])
    np.testing.assert_allclose(
        adversarial.nuclear_norm(both), [3, 0, np.sqrt(15)], rtol=1e-5
    )
    grad = jax.grad(lambda m: adversarial.nuclear_norm(m).sum())(both)
    np.testing.assert_allclose(grad[0], np.eye(3, 5), atol=1e-6)
    np.testing.assert_array_equal(grad[1], 0)
    np.testing.assert_allclose(grad[2], 1 / np.sqrt(15), rtol=1e-4)


def test_nwd_by_landmark_of_sure_and_unsure_faces_by_hand():
    # 5 different unit rows: norm 5. 5 equal rows of 16 times 1/16: sqrt(5 / 16).
    nwd = jax.jit(adversarial.by_landmark, static_argnames="grid")(SURE, UNSURE, grid=4)
    coarse = np.zeros((5, 16))
    coarse[range(5), [0, 0, 5, 5, 10]] = 1  # place (i, i) lies in block (i/2, i/2)
    sure = np.linalg.svd(coarse)[1].sum()
    np.testing.assert_allclose(nwd, (sure - np.sqrt(5 / 16)) / 5, rtol=1e-5)


def test_nwd_by_pixel_of_maps_that_know_nothing_by_hand(key):
    # Each of 3 landmarks and the background have 1/4: norm sqrt(7 * 4 / 16).
    chosen = jnp.arange(7) * 20
    classes = adversarial._classes(UNSURE, chosen)
    np.testing.assert_allclose(classes, 0.25, rtol=1e-6)
    np.testing.assert_allclose(
        adversarial.nuclear_norm(classes), np.sqrt(7 * 4) / 4, rtol=1e-5
    )
    by_pixel = jax.jit(adversarial.by_pixel, static_argnames="pixels")
    # Offsets of whole maps, which no softmax sees, change nothing.
    shifted = UNSURE + jnp.array([3.0, -2.0, 5.0]).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(by_pixel(key, UNSURE, shifted, pixels=7), 0, atol=1e-6)
    assert by_pixel(key, SURE, UNSURE, pixels=64) > 0.01


@pytest.mark.parametrize("form", ["landmark", "pixel"])
def test_going_up_the_gradient_of_nwd_raises_it(key, form):
    source, target = jax.random.normal(key, (2, 5, 8, 8, 3))

    @jax.jit
    def nwd(source):
        if form == "landmark":
            return adversarial.by_landmark(source, target, grid=4)
        return adversarial.by_pixel(key, source, target, pixels=16)

    grad = jax.grad(nwd)(source)
    assert nwd(source + 10 * grad) > nwd(source)


def test_cross_entropy_by_hand():
    logits = jnp.array([0.0, 2.0, 2.0])
    paid = jax.jit(adversarial.cross_entropy)(logits, jnp.array([True, True, False]))
    expected = [np.log(2), np.log1p(np.exp(-2)), np.log1p(np.exp(2))]
    np.testing.assert_allclose(paid, expected, rtol=1e-6)


def test_what_is_refused():
    with pytest.raises(TypeCheckError):
        adversarial.discrepancy(jnp.zeros((4, 3)), jnp.zeros((5, 3)))
    with pytest.raises(ValueError, match="8 x 8 cells do not fall into 3 x 3"):
        adversarial.by_landmark(SURE, UNSURE, grid=3)
    with pytest.raises(ValueError, match="multiple of 3 faces; got"):
        adversarial.by_landmark(SURE, UNSURE, group=3)
    with pytest.raises(ValueError, match="ramp >= 0"):
        adversarial.reversal_strength(jnp.ones(()), ramp=-0.1)
