"""DALN over devices: groups that span them hand over rows, kept or not, no maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from launch import programs
from lmkjax.objectives import daln
from lmkjax.training import mesh
from lmkjax.types import Moment
from tests.objectives import test_daln, test_terms


@pytest.mark.parametrize("queue", [0, 6])
def test_rows_are_summed_over_devices_and_nothing_is_sent_from_one_to_the_next(queue):
    term = daln.DALN(grid=4, queue=queue)
    features = jax.random.normal(jax.random.key(0), (2, 8, 8, 8, 6))
    kept = term.begin(dict.fromkeys(test_daln.STREAMS, 8), test_daln.MAPS)
    kept = jax.tree.map(lambda x: x.at[:, :, :3].set(1 / 16), kept) or None

    def step(features, memory):
        now, key = Moment(jnp.float32(0.1), memory=memory), jax.random.key(5)
        network = test_terms.Stub(test_daln.HEAD)

        def value(features):
            outputs = test_daln.outputs_of(features)
            return test_terms.call(term, outputs, moment=now)[0]

        outputs = test_daln.outputs_of(features)
        after = memory and term.remember(key, network, outputs, moment=now)
        return jax.value_and_grad(value)(features), after

    grid = mesh.build(jax.devices()[:8])
    over = jax.tree.map(lambda _: mesh.over_faces(grid), (0, 0))
    layouts = over, mesh.layouts_of_memory(kept, grid)
    made = jax.jit(step, in_shardings=layouts).lower(tuple(features), kept).compile()
    moved = programs.Program(made.as_text()).collectives()
    assert not {"all-to-all", "collective-permute"} & set(moved)
    maps = 2 * 8 * 8 * 8 * 5 * 4  # bytes of both domains'
    assert sum(size for size, _ in moved.values()) < maps
    given = jax.device_put((tuple(features), kept), layouts)
    alone = jax.jit(step)(tuple(features), kept)
    for one, other in zip(
        jax.tree.leaves(made(*given)), jax.tree.leaves(alone), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
