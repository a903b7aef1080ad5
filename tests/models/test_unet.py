"""Label transfer: it begins as the subset, ignores offsets, and can learn."""

import json
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.models import unet

NET = unet.UNet(features=8, depth=1, landmarks=3, subset=(4, 0, 6))


@pytest.fixture
def kernels(key):
    return jax.random.normal(key, (7, 5))


@pytest.fixture
def features(key):
    """Of two faces; the last channel is the same everywhere."""
    return jax.random.normal(key, (2, 4, 6, 5)).at[..., 4].set(1.0)


def test_it_begins_as_the_subsets_maps(key, features, kernels):
    out, _ = jax.jit(NET.init_with_output)(key, features, kernels)
    expected = features @ kernels[jnp.array([4, 0, 6])].T
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_without_a_subset_it_begins_as_a_mixture(key, features, kernels):
    net = NET.clone(subset=None)
    out, params = jax.jit(net.init_with_output)(key, features, kernels)
    mixture = params["params"]["mixture"]["kernel"]
    assert mixture.shape == (7, 3)
    np.testing.assert_allclose(out, features @ kernels.T @ mixture, atol=1e-5)


def test_what_it_adds_does_not_see_the_offset_of_a_map(key, features, kernels):
    params = jax.jit(NET.init)(key, features, kernels)
    added = params["params"]["added"]
    added["kernel"] = jax.random.normal(key, added["kernel"].shape)
    moved = kernels.at[4, 4].add(50.0)  # of the channel that is the same everywhere
    apply = jax.jit(NET.apply)
    change = apply(params, features, moved) - apply(params, features, kernels)
    expected = jnp.zeros_like(change).at[..., 0].set(50.0)
    np.testing.assert_allclose(change, expected, atol=1e-3)


def test_a_wrong_subset_is_refused(key, features, kernels):
    for subset in ((4, 0), (4, 0, 7)):
        with pytest.raises(ValueError, match="Need 3 indices below 7"):
            jax.eval_shape(NET.clone(subset=subset).init, key, features, kernels)


def test_what_it_takes_does_not_grow_with_the_maps_that_come_in(key, features):
    kernels = jnp.ones((1001, 5))
    params = jax.eval_shape(NET.init, key, features, kernels)
    program = str(jax.make_jaxpr(NET.apply)(params, features, kernels))
    shapes = [json.loads(s) for s in re.findall(r"f32(\[[\d,]+\])", program)]
    many = [shape for shape in shapes if 1001 in shape]
    assert many and max(map(math.prod, many)) <= 1001 * 8  # kernels and mixtures alone
