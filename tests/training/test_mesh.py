"""Which parameters are shared out, and along which axis: by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from lmkjax.training import mesh


@dataclasses.dataclass(frozen=True)
class Device:
    """What a mesh asks of one."""

    process_index: int
    id: int
    slice_index: int
    platform: str = "gpu"
    device_kind: str = "none"


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


def test_devices_of_several_hosts_stand_host_by_host_whatever_the_topology_says():
    """As GPUs of two hosts are, each a slice of its own, and as a pod mixes them."""
    devices = [Device(1, 2, 1), Device(0, 0, 0), Device(1, 3, 1), Device(0, 1, 0)]
    grid = mesh.build(devices)
    assert [(d.process_index, d.id) for d in grid.devices.flat] == [
        (0, 0),
        (0, 1),
        (1, 2),
        (1, 3),
    ]
    assert grid.axis_names == (mesh.DATA,)
