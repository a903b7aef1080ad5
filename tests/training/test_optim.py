"""The learning rate and the decay of the average, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.training import optim


@pytest.mark.parametrize(
    ("step", "progress", "expected"),
    [
        (0, 0.0, 0.5),  # a quarter of the warm-up
        (3, 0.0, 2.0),
        (50, 0.5, 1.0),  # half a cosine's middle
        (99, 1.0, 0.0),
    ],
)
def test_learning_rate_by_hand(step, progress, expected):
    rate = jax.jit(lambda s, p: optim.learning_rate(s, p, peak=2.0, warmup_steps=4))
    got = rate(jnp.int32(step), jnp.float32(progress))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_average_is_young_at_first():
    np.testing.assert_allclose(optim.ema_decay(jnp.int32(0), decay=0.99), 0.1)
    np.testing.assert_allclose(optim.ema_decay(jnp.int32(10**6), decay=0.99), 0.99)


def test_biases_do_not_decay():
    params = {"w": jnp.ones((2, 3)), "b": jnp.ones(3)}
    optimizer = optim.adamw(weight_decay=0.1, clip_norm=1.0)
    zero = jax.tree.map(jnp.zeros_like, params)
    updates, _ = optimizer.update(zero, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], -0.1 * np.ones((2, 3)), rtol=1e-6)
    np.testing.assert_allclose(updates["b"], 0.0)


@pytest.mark.parametrize("jitted", [jax.jit, lambda f: f])
def test_global_norm_is_that_of_all_numbers_together(jitted):
    rng = np.random.default_rng(0)
    sides = [(3,), (optim.SMALL - 1,), (optim.SMALL,), (160, 170), ()]
    tree = {str(side): rng.normal(size=side).astype("f") for side in sides}
    flat = np.concatenate([np.ravel(x).astype(float) for x in tree.values()])
    found = jitted(optim.global_norm)(tree)
    np.testing.assert_allclose(found, np.linalg.norm(flat), rtol=1e-5)


def test_gradients_above_the_clip_norm_are_all_alike():
    params = {"w": jnp.ones((2, 3)), "b": jnp.ones(3)}
    optimizer = optim.adamw(weight_decay=0.0, clip_norm=0.5)
    one = jax.tree.map(jnp.ones_like, params)  # 3 long

    def moves(*lengths):
        moments, made = optimizer.init(params), []
        for length in lengths:
            grads = jax.tree.map(lambda g, length=length: length * g, one)
            updates, moments = optimizer.update(grads, moments, params)
            made.append(float(updates["b"][0]))
        return made

    np.testing.assert_allclose(moves(40.0, 1.0, 7.0), moves(1.0, 1.0, 1.0), rtol=1e-5)
    assert moves(0.1, 0.01)[1] > moves(0.1, 0.1)[1] + 0.1  # below it, as they are
