"""The hourglass network: its shapes, its faces apart, the folded way back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.models import hourglass

NET = hourglass.HourglassNet(landmarks=5, stacks=2, features=12, depth=1)


@pytest.fixture(scope="module")
def image():
    return jax.random.uniform(jax.random.key(1), (3, 32, 48, 3))


@pytest.fixture(scope="module")
def params(image):
    return jax.jit(NET.init)(jax.random.key(0), image)


@pytest.fixture(scope="module")
def outputs(image, params):
    return jax.jit(NET.apply)(params, image)


def test_maps_are_a_quarter_of_the_picture(outputs):
    assert outputs.features.shape == (2, 3, 8, 12, 12)
    assert outputs.logits.shape == (2, 3, 8, 12, 5)


def test_a_face_alone_gives_what_it_gives_among_others(image, params, outputs):
    alone = jax.jit(NET.apply)(params, image[2:])
    np.testing.assert_allclose(alone.logits[:, 0], outputs.logits[:, 2], atol=1e-4)


def test_head_makes_the_last_stacks_maps(params, outputs):
    logits = NET.apply(params, outputs.features[-1], method="head")
    np.testing.assert_allclose(logits, outputs.logits[-1], atol=1e-5)


def test_the_folded_way_back_is_newells_two_layers(key):
    head = hourglass.Head(landmarks=5, features=12)
    y = jax.random.normal(key, (2, 3, 4, 12))
    score = jax.random.normal(key, (5, 12))
    params = head.init(key, y)
    through = head.apply(params, y) / head.gain @ score
    folded = head.apply(params, score, method="folded")
    np.testing.assert_allclose(y @ folded, through, atol=1e-5)


def test_every_parameter_learns_from_the_last_stacks_maps(image, params):
    @jax.jit
    @jax.grad
    def grad(params):
        return jnp.square(NET.apply(params, image).logits[-1]).sum()

    for path, value in jax.tree_util.tree_leaves_with_path(grad(params)):
        assert (value != 0).any(), jax.tree_util.keystr(path)


def test_bfloat16_says_nearly_the_same_in_float32(image, params, outputs):
    half = jax.jit(NET.clone(dtype=jnp.bfloat16).apply)(params, image)
    assert half.logits.dtype == jnp.float32
    error = jnp.abs(half.logits - outputs.logits).max()
    assert error < 0.1 * jnp.abs(outputs.logits).max()


def test_what_is_refused(image, params):
    with pytest.raises(ValueError, match="7 x 12 cannot be halved 1 times"):
        jax.eval_shape(NET.apply, params, image[:, :28])
    with pytest.raises(TypeCheckError):
        jax.eval_shape(NET.apply, params, image[..., :2])
