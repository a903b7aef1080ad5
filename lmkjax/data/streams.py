"""Endless streams to train on, ended ones to test with: prepared faces to batches.

Each process gets its own part of every batch. Which faces a batch holds depends on
(seed, step) alone, so a stream goes on exactly where it is told to begin.
"""

import sys
from collections.abc import Callable, Iterator

import grain
import jax
import numpy as np

from lmkjax.data import crop, sources, workers
from lmkjax.errors import UserError
from lmkjax.landmarks import points
from lmkjax.types import Batch, Rendered, faces_of

MEMORY_LIMIT = 2**31  # bytes; larger sets are decoded anew each time


class Canvases:
    """The faces of a source as square pictures, kept in memory if they fit.

    Attributes:
        source: the faces.
        framing: how a picture lies around the face's box.
        size: side of a picture, in its own pixels.
        keep: whether to keep the pictures once they are cut (110 kB each at 192 px),
            which is done only if all together fit into `MEMORY_LIMIT`.
    """

    def __init__(
        self,
        source: sources.Source,
        *,
        framing: points.Framing,
        size: int,
        keep: bool = True,
    ):
        self.source = source
        self.framing = framing
        self.size = size
        pixel = 4.2 if source.unlabelled else 3.0  # bytes
        self.keep = keep and len(source) * size * size * pixel <= MEMORY_LIMIT
        self._kept: dict[int, Batch | Rendered] = {}

    def __len__(self) -> int:
        return len(self.source)

    @property
    def portable(self) -> bool:
        """Whether another process makes the faces as well, see `workers.Faces`.

        Not those that are kept here, nor those that a compiled program labels.
        """
        return not self.keep and self.source.mark is None

    def __getitem__(self, index: int) -> Batch | Rendered:
        """Face `index`, without leading axes, in the source's scheme or in none."""
        if index in self._kept:
            return self._kept[index]
        face = self.source.record(index)
        square = {"framing": self.framing, "size": self.size}
        if face.points is None:
            batch = crop.rendered(face.photo, *face.drawn, face.box, **square)
        else:
            labels = face.points, face.visibility
            batch = crop.canvas(face.photo, *labels, face.box, **square)
        if self.keep:
            self._kept[index] = batch
        return batch

    def face(self, index: int) -> Batch | Rendered:
        """Face `index`; -1 fills up and is masked out."""
        face = self[max(int(index), 0)]
        return face if index >= 0 else face.replace(mask=np.array(False))


def train(
    canvases: Canvases,
    *,
    batch: int,
    seed: int,
    start_step: int = 0,
    process_index: int = 0,
    process_count: int = 1,
    loading: workers.Loading = workers.Loading(),  # noqa: B008 (it is frozen)
) -> Iterator[Batch]:
    """Batches without end, in an order drawn anew for each round through the faces.

    Args:
        canvases: the faces.
        batch: faces per step, of all processes together.
        seed: of the order.
        start_step: the step whose batch comes first.
        process_index: which part of each batch is wanted.
        process_count: how many parts there are; end to end they are the batch of one.
        loading: what the host puts into it; it changes no batch.

    Returns:
        An iterator of batches with uint8 pictures; close it when done.
    """
    part = _part(batch, process_index, process_count)
    own = part.stop - part.start
    order = grain.MapDataset.range(len(canvases)).seed(seed).shuffle().repeat(None)

    def number(at: int) -> int:
        step, row = divmod(at, own)
        return order[step * batch + part.start + row]

    numbers = grain.MapDataset.range(start_step * own, sys.maxsize).map(number)
    return workers.batches(canvases, numbers, own, loading)


def test(
    canvases: Canvases,
    *,
    batch: int,
    process_index: int = 0,
    process_count: int = 1,
    loading: workers.Loading = workers.Loading(),  # noqa: B008 (it is frozen)
) -> Iterator[Batch]:
    """Every face once, in order; the last batch is filled up and masked.

    Every process gets equally many batches, as a step that they take together needs.

    Args:
        canvases: the faces.
        batch: faces per step, of all processes together.
        process_index: which part of each batch is wanted.
        process_count: how many parts there are; end to end they are the batch of one.
        loading: what the host puts into it; it changes no batch.

    Returns:
        An iterator of batches with uint8 pictures; none for an empty source.
    """
    part = _part(batch, process_index, process_count)
    count = len(canvases)
    filled = np.full(-(-count // batch) * batch, -1)
    filled[:count] = np.arange(count)
    own = filled.reshape(-1, batch)[:, part]
    numbers = grain.MapDataset.source(own.ravel())
    return workers.batches(canvases, numbers, own.shape[1], loading)


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
    faces: Callable[[jax.Array], Rendered],
    *,
    seed: int,
    mesh: jax.sharding.Mesh | None = None,
) -> Callable[[jax.Array], Rendered]:
    """What turns the numbers of `rendered` into faces, on the device.

    Args:
        faces: keys [b] to faces, such as `face.drawing.records` with its size filled
            in.
        seed: of the set; face i is drawn from `types.faces_of(seed, [i])`.
        mesh: devices that share out the numbers: each draws its own faces, which stay
            where they are. None = wherever the numbers are.

    Returns:
        A pure function of numbers [b] that may be called inside a jitted step. Its
        pictures are float32 in [0, 1] and stand for the canvas that `crop` cuts.
    """

    def draw(indices: jax.Array) -> Rendered:
        return faces(faces_of(seed, indices))

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
