"""Devices as a mesh; batches and parameters laid out over it."""

from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from lmkjax.errors import UserError

DATA = "data"
"""The mesh's one axis: faces are shared out along it, and so may parameters be."""


def build(devices: list[jax.Device] | None = None) -> Mesh:
    """A mesh of all devices of all hosts, or of those given, host by host.

    `jax.make_mesh` refuses devices of several slices, as those of several GPU hosts
    are, and may mix the hosts, where a batch is theirs end to end.
    """
    devices = jax.devices() if devices is None else devices
    devices = sorted(devices, key=lambda device: (device.process_index, device.id))
    # Explicit axes, the default, refuse reshapes such as those of the up-sampling.
    return Mesh(np.array(devices), (DATA,), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
    """The layout of what every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def over_faces(mesh: Mesh) -> NamedSharding:
    """The layout of a batch: its first axis is shared out."""
    return NamedSharding(mesh, PartitionSpec(DATA))


def check_batch(mesh: Mesh, faces: int, *, stream: str, accumulate: int = 1) -> None:
    """Refuses a batch that the devices cannot share equally, part by part.

    Raises:
        UserError: the number of faces is not a multiple of devices times parts.
    """
    share = mesh.size * accumulate
    if faces < 1 or faces % share:
        raise UserError(
            f"Wanted a batch of stream '{stream}' that {mesh.size} devices can share"
            f" equally, in {accumulate} parts each; got {faces} faces. Set"
            f" --config.train.batch so that each stream's share is a multiple of"
            f" {share}."
        )


def put(mesh: Mesh, batch: Any) -> Any:
    """The batch on the devices, from what this process read of it.

    Args:
        mesh: the devices of all processes.
        batch: arrays whose first axis is this process's share of the faces.

    Returns:
        Global arrays, shared out along their first axis.
    """
    layout = over_faces(mesh)
    return jax.tree.map(
        lambda x: jax.make_array_from_process_local_data(layout, np.asarray(x)), batch
    )


def scalar(mesh: Mesh, value: float) -> jax.Array:
    """A number on every device, float32."""
    return jax.make_array_from_process_local_data(
        replicated(mesh), np.asarray(value, np.float32)
    )


def layouts_of_memory(tree: Any, mesh: Mesh) -> Any:
    """The layout of what terms keep: shared out along the first axis, if it divides."""

    def layout(x: Any) -> NamedSharding:
        alike = x.ndim and x.shape[0] % mesh.size == 0
        return over_faces(mesh) if alike else replicated(mesh)

    return jax.tree.map(layout, tree)


def layouts(tree: Any, mesh: Mesh, *, fsdp_min_size: int = 0) -> Any:
    """The layout of each parameter: whole everywhere, or shared out where large.

    The rule looks at the shape alone, so it gives an optimiser's moments and the
    averaged weights the layout of the parameters that they belong to.

    Args:
        tree: arrays or their shapes.
        mesh: the devices.
        fsdp_min_size: arrays of at least as many numbers are shared out along their
            longest axis, if the devices divide it; 0 = none is. (Cut along another,
            parts may be too thin for a TPU's tiles: devices then hand pieces round.)

    Returns:
        A tree of NamedSharding.
    """

    def layout(x: Any) -> NamedSharding:
        longest = max(range(x.ndim), key=lambda i: x.shape[i], default=0)
        large = 0 < fsdp_min_size <= np.prod(x.shape)
        if not large or not x.ndim or x.shape[longest] % mesh.size:
            return replicated(mesh)
        return NamedSharding(mesh, PartitionSpec(*[None] * longest, DATA))

    return jax.tree.map(layout, tree)
