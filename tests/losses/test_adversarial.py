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


def by_landmark(logits, **options):
    """A matrix of faces x columns for each landmark [k b columns]."""
    rows = adversarial.places(logits, **options) if options else None
    rows = adversarial.around(logits) if rows is None else rows
    return rows.transpose(2, 0, 1)


def test_nwd_by_landmark_of_sure_and_unsure_faces_by_hand():
    # 5 different unit rows: norm 5. 5 equal rows of 16 times 1/16: sqrt(5 / 16).
    nwd = adversarial.discrepancy(
        by_landmark(SURE, grid=4), by_landmark(UNSURE, grid=4)
    )
    coarse = np.zeros((5, 16))
    coarse[range(5), [0, 0, 5, 5, 10]] = 1  # place (i, i) lies in block (i/2, i/2)
    sure = np.linalg.svd(coarse)[1].sum()
    np.testing.assert_allclose(nwd, (sure - np.sqrt(5 / 16)) / 5, rtol=1e-5)


def test_frobenius_is_blind_to_how_rows_differ_and_the_nuclear_norm_is_not():
    alike, various = jnp.eye(1, 7).repeat(4, 0), jnp.eye(4, 7)
    np.testing.assert_allclose(adversarial.frobenius_norm(alike), 2.0, rtol=1e-6)
    flat = adversarial.discrepancy(alike, various, norm="frobenius")
    np.testing.assert_allclose(flat, 0.0, atol=1e-6)
    nuclear = adversarial.discrepancy(alike, various)
    np.testing.assert_allclose(nuclear, (2 - 4) / 4, rtol=1e-5)


def bumps(middles, *, sigma_px, side=32):
    """Logits of a Gaussian about each middle, heatmap pixels; a landmark each face."""
    x = jnp.arange(side) + 0.5
    apart = [jnp.square(x[None] - middles[:, i, None]) for i in range(2)]
    both = apart[1][:, :, None] + apart[0][:, None]
    return (-both / (2 * sigma_px**2))[..., None]


@pytest.mark.parametrize("sigma_px", [0.8, 1.5])
def test_in_a_window_it_does_not_matter_where_a_face_is_sure(key, sigma_px):
    """Far apart or in one place, and wherever between cells: the norms are the same.

    Of places on a coarse grid they are not.
    """
    apart = bumps(jax.random.uniform(key, (6, 2)) * 16 + 8, sigma_px=sigma_px)
    alike = bumps(jnp.full((6, 2), 16.5), sigma_px=sigma_px)
    norms = [adversarial.nuclear_norm(by_landmark(x))[0] for x in (apart, alike)]
    np.testing.assert_allclose(norms[0], norms[1], rtol=0.05)
    norms = [
        adversarial.nuclear_norm(by_landmark(x, grid=8))[0] for x in (apart, alike)
    ]
    assert norms[0] > 1.3 * norms[1]


def test_in_a_window_sure_rows_are_larger_than_unsure_ones_at_any_size_of_map():
    middles = jnp.array([[9.0, 20.0], [22.0, 14.0], [15.5, 15.5]])
    sizes = []
    for side in (32, 64):
        rows = [
            adversarial.around(
                bumps(middles * side / 32, sigma_px=s * side / 32, side=side)
            )
            for s in (1.0, 2.0)
        ]
        assert rows[0].shape == (3, 81, 1)
        for each in rows:
            np.testing.assert_allclose(each.sum(1), 1.0, atol=1e-5)
        sizes.append([jnp.linalg.norm(each[..., 0], axis=1) for each in rows])
        assert (sizes[-1][0] > 1.5 * sizes[-1][1]).all()
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=0.05)


def test_a_map_with_nothing_at_its_own_point_is_sure_of_nothing():
    two = jnp.logaddexp(*(bumps(jnp.array([[x, 16.0]]), sigma_px=0.7) for x in (3, 29)))
    rows, grad = jax.value_and_grad(lambda x: adversarial.around(x).sum())(two)
    assert rows < 0.01 and np.isfinite(grad).all()


def test_nwd_by_pixel_of_maps_that_know_nothing_by_hand():
    # Each of 3 landmarks and the background have 1/4: norm sqrt(7 * 4 / 16).
    chosen = jnp.arange(7) * 20
    classes = adversarial.classes(UNSURE, chosen)
    np.testing.assert_allclose(classes, 0.25, rtol=1e-6)
    np.testing.assert_allclose(
        adversarial.nuclear_norm(classes), np.sqrt(7 * 4) / 4, rtol=1e-5
    )
    # Offsets of whole maps, which no softmax sees, change nothing.
    shifted = UNSURE + jnp.array([3.0, -2.0, 5.0]).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(adversarial.classes(shifted, chosen), classes, atol=1e-6)
    every = jnp.arange(5 * 64)
    sure, unsure = (adversarial.classes(x, every) for x in (SURE, UNSURE))
    assert adversarial.discrepancy(sure, unsure) > 0.01


ROWS = {
    "landmark": lambda logits: by_landmark(logits, grid=4),
    "window": by_landmark,
    "pixel": lambda logits: adversarial.classes(logits, jnp.arange(16) * 19),
}


@pytest.mark.parametrize("norm", adversarial.NORMS)
@pytest.mark.parametrize("form", ROWS)
def test_going_up_the_gradient_of_nwd_raises_it(key, form, norm):
    source, target = jax.random.normal(key, (2, 5, 8, 8, 3))

    @jax.jit
    def nwd(source):
        rows = [ROWS[form](logits) for logits in (source, target)]
        return adversarial.discrepancy(*rows, norm=norm).mean()

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
        adversarial.places(SURE, grid=3)
    with pytest.raises(ValueError, match="ramp >= 0"):
        adversarial.reversal_strength(jnp.ones(()), ramp=-0.1)
