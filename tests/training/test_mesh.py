"""Which parameters are shared out, and along which axis: by hand."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from lmkjax.training import mesh


@pytest.mark.parametrize(
    ("shape", "along"),
    [
        ((16, 8), 0),
        ((8, 16), 1),
        ((3, 3, 8, 24), 3),
        ((20, 16), None),  # the longer axis cannot be shared, the other is not tried
        ((8, 4), None),  # too small
        ((), None),
    ],
)
def test_a_large_parameter_is_shared_along_its_longest_axis(shape, along):
    grid = mesh.build(jax.devices()[:8])
    layout = mesh.layouts(jnp.zeros(shape), grid, fsdp_min_size=64)
    axes = [] if along is None else [None] * along + [mesh.DATA]
    assert layout.spec == PartitionSpec(*axes)
    assert mesh.layouts(jnp.zeros(shape), grid).spec == PartitionSpec()
    assert mesh.layouts(jnp.zeros(()), grid, fsdp_min_size=1).spec == PartitionSpec()


def test_groups_of_rows_that_are_kept_lie_with_their_faces_where_devices_divide_them():
    grid = mesh.build(jax.devices()[:4])
    kept = {
        "rows": jnp.zeros((8, 3, 5, 2)),
        "few": jnp.zeros((2, 3)),
        "n": jnp.zeros(()),
    }
    found = mesh.layouts_of_memory(kept, grid)
    assert found["rows"] == mesh.over_faces(grid)
    assert found["few"] == found["n"] == mesh.replicated(grid)
