"""Losses of landmarks: values by hand, second implementations, what counts."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.losses import landmark

TRUTH = jnp.zeros((4, 3, 2))  # every axis its own length, so none can stand for another
SEEN = jnp.ones((4, 3), bool)
HEATMAP_LOSSES = [landmark.points, landmark.kl, landmark.mse, landmark.awing]
TARGET = jnp.array([[[2.2, 3.1], [4.0, 1.6], [6.4, 0.3]]] * 2) + jnp.array(
    [0.0, 0.4]
).reshape(2, 1, 1)
VALID = jnp.ones((2, 3), bool)


@pytest.fixture
def logits(key):
    return jax.random.normal(key, (2, 5, 7, 3))


def reference(logits, *, sigma):
    """Distance and cross-entropy, written out over whole maps in NumPy."""
    logits = np.asarray(logits, np.float64)
    x, y = np.meshgrid(np.arange(7) + 0.5, np.arange(5) + 0.5)
    distance, entropy, own = np.zeros((3, 2, 3))
    for b in range(2):
        for k in range(3):
            tx, ty = np.asarray(TARGET[b, k], np.float64)
            p = np.exp(logits[b, ..., k])
            p /= p.sum()
            g = np.exp(-((x - tx) ** 2 + (y - ty) ** 2) / (2 * sigma**2))
            g /= g.sum()
            away = np.hypot((p * x).sum() - tx, (p * y).sum() - ty)
            distance[b, k] = 32 * away / 7  # shares of the map's side
            entropy[b, k] = -(g * np.log(p)).sum()
            own[b, k] = -(g * np.log(g)).sum()
    return distance, entropy, own


def test_points_and_kl_equal_a_second_implementation(logits):
    distance, entropy, own = reference(logits, sigma=1.2)
    points = jax.jit(functools.partial(landmark.points, sigma_px=1.2))
    expected = (distance + 0.25 * entropy).mean(1)
    np.testing.assert_allclose(points(logits, TARGET, VALID), expected, rtol=1e-5)
    kl = landmark.kl(logits, TARGET, VALID, sigma_px=1.2)
    np.testing.assert_allclose(kl, (entropy - own).mean(1), rtol=1e-5)


def test_the_gradient_of_points_is_that_of_the_plain_formula(logits):
    def plain(logits):
        flat = logits.reshape(2, 35, 3)
        log = jax.nn.log_softmax(flat, 1)
        x, y = jnp.meshgrid(jnp.arange(7) + 0.5, jnp.arange(5) + 0.5)
        cells = jnp.stack([x.ravel(), y.ravel()], -1)
        offset = jnp.einsum("bnk,nc->bkc", jnp.exp(log), cells) - TARGET
        apart = jnp.square(cells[None, :, None] - TARGET[:, None]).sum(-1)
        wanted = jax.nn.softmax(-apart / 2, 1)
        distance = jnp.sqrt(jnp.square(offset * 32 / 7).sum(-1) + 1e-6)
        value = distance - 0.25 * (wanted * log).sum(1)
        return (value.mean(1) * jnp.array([1.0, 3.0])).sum()

    def ours(logits):
        loss = landmark.points(logits, TARGET, VALID, sigma_px=1.0)
        return (loss * jnp.array([1.0, 3.0])).sum()

    expected = jax.grad(plain)(logits)
    np.testing.assert_allclose(jax.grad(ours)(logits), expected, rtol=1e-4, atol=1e-6)


def test_kl_of_the_gaussian_itself_is_0():
    x, y = (jnp.arange(n) + 0.5 for n in (7, 5))
    down = jnp.square(y[None, :, None] - TARGET[:, None, :, 1])
    across = jnp.square(x[None, :, None] - TARGET[:, None, :, 0])
    logits = -(down[:, :, None] + across[:, None]) / (2 * 0.9**2)
    loss = landmark.kl(logits, TARGET, VALID, sigma_px=0.9)
    np.testing.assert_allclose(loss, 0.0, atol=1e-5)


@pytest.mark.parametrize("loss", HEATMAP_LOSSES[:3])
def test_a_loss_pulls_as_hard_at_any_size_of_map(loss):
    """At the middle and at the width of a bump, shares of the map's side."""

    def pull(cells):
        x, sigma = (jnp.arange(cells) + 0.5) / cells, 0.08
        target = jnp.full((1, 1, 2), 0.5 * cells)

        def value(at):
            apart = jnp.square(x[None] - at[0]) + jnp.square(x[:, None] - at[1])
            log = -apart / (2 * (sigma * jnp.exp(at[2])) ** 2)
            maps = (jnp.exp(log) if loss == landmark.mse else log)[None, ..., None]
            return loss(maps, target, jnp.ones((1, 1), bool), sigma_px=sigma * cells)[0]

        return jax.grad(value)(jnp.array([0.45, 0.55, 0.2]))

    small = pull(24)
    assert (jnp.abs(small) > 0.02).all()
    np.testing.assert_allclose(pull(96), small, rtol=1e-2)


def test_mse_of_an_empty_map_is_the_sum_of_the_squared_bump():
    target = jnp.full((2, 3, 2), 10.5)
    loss = landmark.mse(jnp.zeros((2, 21, 21, 3)), target, VALID, sigma_px=1.5)
    np.testing.assert_allclose(loss, math.pi, rtol=1e-4)  # of exp(-r^2/s^2), by s^2


@pytest.mark.parametrize(
    ("error", "truth", "weight"), [(0.2, 0, 1), (0.8, 0, 1), (0.1, 1, 11), (0.9, 1, 11)]
)
def test_awing_by_hand(error, truth, weight):
    # A bump so wide, or so far away, that the true map is all 1 or all 0.
    target = jnp.full((2, 3, 2), 3.0 if truth else 1e4)
    maps = jnp.full((2, 5, 7, 3), abs(truth - error))
    loss = landmark.awing(maps, target, VALID, sigma_px=1e5 if truth else 1.0)
    power = 2.1 - truth
    slope = 14 / (1 + 0.5**power) * power * 0.5 ** (power - 1)
    line = slope * error - (0.5 * slope - 14 * math.log(1 + 0.5**power))
    curve = 14 * math.log(1 + error**power)
    expected = weight * (curve if error < 0.5 else line)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


@pytest.mark.parametrize("loss", HEATMAP_LOSSES)
def test_a_landmark_that_does_not_count_has_no_gradient(loss, logits):
    valid = VALID.at[1, 2].set(False)
    target = TARGET.at[1, 2].set(1e6)  # far outside, as the crop may leave it

    def total(logits):
        return loss(logits, target, valid, sigma_px=1.0).sum()

    value, grad = jax.value_and_grad(total)(logits)
    assert np.isfinite(value) and np.isfinite(grad).all()
    assert (grad[1, ..., 2] == 0).all() and (grad[1, ..., 1] != 0).any()
    nothing = loss(logits, target, jnp.zeros_like(valid), sigma_px=1.0)
    np.testing.assert_array_equal(nothing, 0)


@pytest.mark.parametrize("loss", HEATMAP_LOSSES)
def test_a_step_downhill_lowers_it_in_bfloat16_too(loss, logits):
    logits = logits.astype(jnp.bfloat16)
    total = jax.jit(lambda x: loss(x, TARGET, VALID, sigma_px=1.0).sum())
    grad = jax.grad(total)(logits)
    assert grad.dtype == jnp.bfloat16
    assert total(logits - 0.1 * grad) < total(logits)


@pytest.mark.parametrize("loss", HEATMAP_LOSSES)
def test_what_is_refused(loss, logits):
    with pytest.raises(TypeCheckError):
        loss(logits, TARGET[:, :2], VALID, sigma_px=1.0)
    with pytest.raises(ValueError, match="sigma_px > 0"):
        loss(logits, TARGET, VALID, sigma_px=-1.0)
