"""The hourglass network: its shapes, its faces apart; maps of kernels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.models import hourglass

NET = hourglass.HourglassNet(stacks=2, features=12, depth=1)


@pytest.fixture(scope="module")
def image():
    return jax.random.uniform(jax.random.key(1), (3, 32, 48, 3))


@pytest.fixture(scope="module")
def params(image):
    return jax.jit(NET.init)(jax.random.key(0), image)


@pytest.fixture(scope="module")
def outputs(image, params):
    return jax.jit(NET.apply)(params, image)


def test_features_are_a_quarter_of_the_picture(outputs):
    assert [f.shape for f in outputs.features] == [(3, 8, 12, 12)] * 2


def test_a_face_alone_gives_what_it_gives_among_others(image, params, outputs):
    alone = jax.jit(NET.apply)(params, image[2:])
    for one, many in zip(alone.features, outputs.features, strict=True):
        np.testing.assert_allclose(one[0], many[2], atol=1e-4)


def test_maps_are_features_times_kernels_each_faces_own_or_the_same(outputs, key):
    features = outputs.features[-1]
    kernels = jax.random.normal(key, (3, 5, 12))
    own = hourglass.maps(features, kernels, gain=2.0)
    assert own.shape == (3, 8, 12, 5) and own.dtype == jnp.float32
    expected = 2 * np.einsum("bhwc,bkc->bhwk", features, kernels)
    np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-4)
    same = hourglass.maps(features, kernels[1], gain=2.0)
    np.testing.assert_allclose(same[1], own[1], rtol=1e-4, atol=1e-4)


def test_every_parameter_learns_from_the_last_stacks_features(image, params):
    @jax.jit
    @jax.grad
    def grad(params):
        return jnp.square(NET.apply(params, image).features[-1]).sum()

    for path, value in jax.tree_util.tree_leaves_with_path(grad(params)):
        assert (value != 0).any(), jax.tree_util.keystr(path)


def test_bfloat16_says_nearly_the_same(image, params, outputs):
    half = jax.jit(NET.clone(dtype=jnp.bfloat16).apply)(params, image).features[-1]
    full = outputs.features[-1]
    assert half.dtype == jnp.bfloat16
    assert jnp.abs(half - full).max() < 0.1 * jnp.abs(full).max()
    kernels = jax.random.normal(jax.random.key(3), (5, 12))
    few, many = hourglass.maps(half, kernels), hourglass.maps(full, kernels)
    assert few.dtype == jnp.float32
    assert jnp.abs(few - many).max() < 0.1 * jnp.abs(many).max()


def test_what_is_refused(image, params):
    with pytest.raises(ValueError, match="7 x 12 cannot be halved 1 times"):
        jax.eval_shape(NET.apply, params, image[:, :28])
    with pytest.raises(TypeCheckError):
        jax.eval_shape(NET.apply, params, image[..., :2])
