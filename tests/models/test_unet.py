"""Label transfer: it begins as the subset, ignores offsets, and can learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.models import unet

NET = unet.UNet(features=8, depth=1, landmarks=3, subset=(4, 0, 6))


@pytest.fixture
def logits(key):
    return jax.random.normal(key, (2, 4, 6, 7))


def test_it_begins_as_the_subsets_maps(key, logits):
    out, _ = jax.jit(NET.init_with_output)(key, logits)
    np.testing.assert_array_equal(out, logits[..., jnp.array([4, 0, 6])])


def test_without_a_subset_it_begins_as_a_mixture(key, logits):
    out, params = jax.jit(NET.clone(subset=None).init_with_output)(key, logits)
    mixture = params["params"]["mixture"]["kernel"]
    np.testing.assert_allclose(out, logits @ mixture, atol=1e-5)


def test_what_it_adds_does_not_see_the_offset_of_a_map(key, logits):
    params = jax.jit(NET.init)(key, logits)
    added = params["params"]["added"]
    added["kernel"] = jax.random.normal(key, added["kernel"].shape)
    moved = logits.at[1, ..., 4].add(50.0)
    apply = jax.jit(NET.apply)
    change = apply(params, moved) - apply(params, logits)
    expected = jnp.zeros_like(change).at[1, ..., 0].set(50.0)
    np.testing.assert_allclose(change, expected, atol=1e-3)


def test_a_wrong_subset_is_refused(key, logits):
    for subset in ((4, 0), (4, 0, 7)):
        with pytest.raises(ValueError, match="Need 3 indices below 7"):
            jax.eval_shape(NET.clone(subset=subset).init, key, logits)
