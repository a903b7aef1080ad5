"""The state before the first step: laid out, and its network traced but once."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lmkjax.training import mesh, state


def test_a_state_has_the_shapes_told_and_its_network_is_traced_once():
    traced = []

    def init(key):  # of a large network this takes seconds each time
        traced.append(key)
        return {"w": jax.random.normal(key, (16, 3)), "b": jnp.zeros(5)}

    grid, start = mesh.build(), state.Start(init, optax.adam(1e-3))
    found = state.create(start, grid, seed=0, fsdp_min_size=16)
    told = state.shapes(start, grid, fsdp_min_size=16)
    state.create(start, grid, seed=0, fsdp_min_size=16, given={"b": jnp.ones(5)})
    assert len(traced) == 1
    for leaf, outline in zip(
        jax.tree.leaves(found), jax.tree.leaves(told), strict=True
    ):
        assert (leaf.shape, leaf.dtype) == (outline.shape, outline.dtype)
        assert leaf.sharding == outline.sharding
    assert found.params["w"].addressable_shards[0].data.shape == (2, 3)
    jax.tree.map(np.testing.assert_array_equal, found.ema, found.params)


def test_a_part_that_is_given_is_not_drawn():
    def init(key):
        return {"w": jax.random.normal(key, (4, 3)), "b": jnp.ones(5)}

    grid, own = mesh.build(jax.devices()[:1]), jnp.full((4, 3), 7.0)
    start = state.Start(init, optax.sgd(1.0))
    found = state.create(start, grid, seed=0, given={"w": own})
    np.testing.assert_array_equal(found.params["w"], own)
    np.testing.assert_array_equal(found.params["b"], 1.0)
