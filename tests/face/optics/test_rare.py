"""Rare things: as a branch gives them for each face alone, however many have them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.face.optics import rare

FACES = 20  # rounds of 2


def change(state, factor, added):
    grey, (colour, kind) = state
    return grey * factor, (colour + added[None], kind + 1)


def one(there, grey, colour, factor, added):
    kind = jnp.zeros(4, jnp.int32)  # the same for all: has no axis of faces
    return rare.when(there, change, (grey, (colour, kind)), factor, added)


def faces(there):
    keys = jax.random.split(jax.random.key(0), 3)
    grey = jax.random.normal(keys[0], (FACES, 5, 6))
    colour = jax.random.normal(keys[1], (FACES, 7, 3))
    return there, grey, colour, jax.random.normal(keys[2], (FACES,)), jnp.ones(3)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 19, FACES])
def test_together_is_as_one_after_another(count):
    there = jnp.zeros(FACES, bool).at[(jnp.arange(count) * 7) % FACES].set(True)
    assert there.sum() == count
    own = faces(there)
    alone = jax.lax.map(lambda x: one(*x, own[-1]), own[:-1])
    together = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, 0, None)))(*own)
    for first, second in zip(*map(jax.tree.leaves, (alone, together)), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-6)
    kept = together[1][1].max(1) == 0
    np.testing.assert_array_equal(kept, ~there)


def test_faces_without_it_are_not_worked_on():
    """A change that would spoil all numbers never meets those of other faces."""
    seen = []

    def count(state, factor):
        jax.debug.callback(lambda x: seen.append(np.size(x)), factor, ordered=False)
        return state * factor

    def many(there, state, factor):
        return rare.when(there, count, state, factor)

    there = jnp.arange(FACES) == 13
    state = jnp.ones((FACES, 3))
    jax.block_until_ready(jax.vmap(many)(there, state, jnp.ones(FACES)))
    jax.effects_barrier()
    assert sum(seen) <= FACES // rare.ROOM  # one round, not all faces
