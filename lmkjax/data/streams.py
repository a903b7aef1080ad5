"""Endless streams to train on, ended ones to test with: prepared faces to batches.

Each process gets its own part of every batch. Which faces a batch holds depends on
(seed, step) alone, so a stream goes on exactly where it is told to begin.
"""

from collections.abc import Callable, Iterator

import grain
import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.data import crop, sources
from lmkjax.errors import UserError
from lmkjax.types import Batch

MEMORY_LIMIT = 2**31  # bytes; larger sets are decoded anew each time


class Canvases:
    """The faces of a source as square pictures, kept in memory if they fit.

    Attributes:
        source: the faces.
        margin: side of a picture in units of the longer side of the face's box.
        size: side of a picture, in its own pixels.
        keep: whether to keep the pictures once they are cut (110 kB each at 192 px),
            which is done only if all together fit into `MEMORY_LIMIT`.
    """

    def __init__(
        self,
        source: sources.Source,
        *,
        margin: float,
        size: int,
        keep: bool = True,
    ):
        self.source = source
        self.margin = margin
        self.size = size
        self.keep = keep and len(source) * size * size * 3 <= MEMORY_LIMIT
        self._kept: dict[int, Batch] = {}

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Batch:
        """Face `index`, without leading axes."""
        if index in self._kept:
            return self._kept[index]
        face = self.source.record(index)
        batch = crop.canvas(
            face.photo,
            face.points,
            face.visible,
            face.box,
            margin=self.margin,
            size=self.size,
        )
        if self.keep:
            self._kept[index] = batch
        return batch

    def stack(self, indices: np.ndarray) -> Batch:
        """The faces of these numbers as one batch; -1 fills up and is masked out."""
        faces = [self[max(int(index), 0)] for index in indices]
        batch = jax.tree.map(lambda *leaves: np.stack(leaves), *faces)
        return batch.replace(mask=np.asarray(indices) >= 0)


def train(
    canvases: Canvases,
    *,
    batch: int,
    seed: int,
    start_step: int = 0,
    process_index: int = 0,
    process_count: int = 1,
    threads: int = 2,
    ahead: int = 4,
) -> Iterator[Batch]:
    """Batches without end, in an order drawn anew for each round through the faces.

    Args:
        canvases: the faces.
        batch: faces per step, of all processes together.
        seed: of the order.
        start_step: the step whose batch comes first.
        process_index: which part of each batch is wanted.
        process_count: how many parts there are; end to end they are the batch of one.
        threads: that decode and crop.
        ahead: batches made before they are asked for.

    Returns:
        An iterator of batches with uint8 pictures; close it when done.
    """
    part = _part(batch, process_index, process_count)
    order = grain.MapDataset.range(len(canvases)).seed(seed).shuffle().repeat(None)
    steps = order.batch(batch, drop_remainder=True)[start_step:]
    read = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
    faces = steps.map(lambda indices: canvases.stack(indices[part]))
    return iter(faces.to_iter_dataset(read))


def test(
    canvases: Canvases,
    *,
    batch: int,
    process_index: int = 0,
    process_count: int = 1,
    threads: int = 2,
    ahead: int = 4,
) -> Iterator[Batch]:
    """Every face once, in order; the last batch is filled up and masked.

    Every process gets equally many batches, as a step that they take together needs.

    Args:
        canvases: the faces.
        batch: faces per step, of all processes together.
        process_index: which part of each batch is wanted.
        process_count: how many parts there are; end to end they are the batch of one.
        threads: that decode and crop.
        ahead: batches made before they are asked for.

    Returns:
        An iterator of batches with uint8 pictures; none for an empty source.
    """
    part = _part(batch, process_index, process_count)
    count = len(canvases)
    filled = np.full(-(-count // batch) * batch, -1)
    filled[:count] = np.arange(count)
    rows = list(filled.reshape(-1, batch)[:, part])
    read = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
    faces = grain.MapDataset.source(rows).map(canvases.stack)
    return iter(faces.to_iter_dataset(read))


def rendered(
    *,
    batch: int,
    start_step: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[np.ndarray]:
    """The numbers of faces that are drawn inside the step: no disk, no face twice.

    Args:
        batch: faces per step, of all processes together.
        start_step: the step whose numbers come first.
        process_index: which part of each batch is wanted.
        process_count: how many parts there are; end to end they are the batch of one.

    Yields:
        uint32 [batch / process_count]; step s holds the numbers from s * batch on.
    """
    part = _part(batch, process_index, process_count)
    step = start_step
    while True:
        numbers = np.arange(step * batch, (step + 1) * batch, dtype=np.uint64)
        yield numbers[part].astype(np.uint32)  # after 2**32 faces it begins anew
        step += 1


def drawer(
    faces: Callable, *, seed: int, mesh: jax.sharding.Mesh | None = None
) -> Callable[[jax.Array], Batch]:
    """What turns the numbers of `rendered` into faces, on the device.

    Args:
        faces: keys [b] to a Rendering (image, points, visibility, box), such as
            `face.drawing.faces` with its scheme and size filled in.
        seed: of the set; face i is drawn from `fold_in(key(seed), i)`.
        mesh: devices that share out the numbers: each draws its own faces, which stay
            where they are. None = wherever the numbers are.

    Returns:
        A pure function of numbers [b] that may be called inside a jitted step. Its
        pictures are float32 in [0, 1] and stand for the canvas that `crop` cuts.
    """

    def draw(indices: jax.Array) -> Batch:
        keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(indices)
        drawn = faces(keys)
        return Batch(
            image=drawn.image,
            points=drawn.points,
            visible=drawn.visibility == 0,
            box=drawn.box,
            mask=jnp.ones(indices.shape, bool),
        )

    if mesh is None:
        return draw
    # Left to itself, the compiler would let every device draw all faces: it cannot
    # take a loop over them apart.
    shares = jax.sharding.PartitionSpec(mesh.axis_names)
    return jax.shard_map(
        draw, mesh=mesh, in_specs=shares, out_specs=shares, check_vma=False
    )


def _part(batch: int, process_index: int, process_count: int) -> slice:
    """Which faces of a batch belong to a process."""
    if batch % process_count:
        raise UserError(
            f"A batch of {batch} cannot be shared by {process_count} processes; "
            f"wanted a multiple of {process_count}."
        )
    own = batch // process_count
    return slice(process_index * own, (process_index + 1) * own)
