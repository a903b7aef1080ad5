"""Prepared datasets, opened: the faces of a split by number."""

import dataclasses
import functools
import io
import pathlib
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from lmkjax.data import crop
from lmkjax.errors import UserError
from lmkjax.types import UNKNOWN, Batch, Rendered

TOGETHER = 64
"""Rendered faces that are labelled at a time."""
RENDERED = "synthetic_faces"
"""The dataset whose faces are kept as their parameters."""
Mark = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From what is kept of so many rendered faces to their points and visibility."""


class Drawn(NamedTuple):
    """What is kept of a rendered face beside its picture, see `types.Rendered`.

    Attributes:
        params: of the face, in a row.
        bare: how far off the bare head is.
        thing: which pixels a thing hides.
    """

    params: np.ndarray
    bare: np.ndarray
    thing: np.ndarray


@dataclasses.dataclass(frozen=True)
class Record:
    """One face as it is stored.

    Attributes:
        photo: JPEG or PNG, encoded.
        points: float32 [k, 2], pixels of the photo; None of a rendered face that is
            in no scheme (`Source.labelled`).
        visibility: int8 [k], see `types.Batch`; None likewise.
        box: float32 [4], tight around the face's 68 iBug points.
        name: of the face, within its dataset.
        drawn: what any landmark follows from; None of a photo.
    """

    photo: bytes
    points: np.ndarray | None
    visibility: np.ndarray | None
    box: np.ndarray
    name: str
    drawn: Drawn | None = None


class Records:
    """The faces of a split as they are stored, each a field by its name.

    As TFDS hands them out, but for pictures, which stay encoded (`crop` decodes, and no
    larger than needed). TFDS's own decoding goes through each field in Python, whose
    lock the other threads wait for meanwhile.
    """

    def __init__(self, builder: "tfds.core.DatasetBuilder", split: str):
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        source = builder.as_data_source(split, deserialize_method=raw)
        self._stored = (
            source.data_source
        )  # of array_record: other processes can have it
        tensors = {
            name: feature.get_tensor_info()
            for name, feature in builder.info.features.items()
            if isinstance(feature, tfds.features.Tensor)
            and not isinstance(feature, tfds.features.Text)
        }
        self._tensors = {name: (t.shape, t.np_dtype) for name, t in tensors.items()}

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, number: int) -> dict[str, bytes | np.ndarray]:
        # Not above: launch/accelerator.py stands in for TFDS, but not for its parts.
        from tensorflow_datasets.proto import tf_example_pb2

        example = tf_example_pb2.Example.FromString(self._stored[number])
        stored = example.features.feature
        return {name: self._field(name, stored[name]) for name in stored}

    def _field(self, name: str, stored) -> bytes | np.ndarray:
        kind = stored.WhichOneof("kind")
        value = getattr(stored, kind).value
        if name not in self._tensors:
            return value[0]
        shape, dtype = self._tensors[name]
        if kind == "bytes_list":  # encoding="zlib"
            return np.frombuffer(zlib.decompress(value[0]), dtype).reshape(shape)
        return np.array(value, dtype).reshape(shape)


class Source:
    """Some faces of a prepared split, in a fixed order, each at hand by its number.

    Attributes:
        dataset: where the faces come from, to be shown: "ibug_300w/common".
        numbers: which faces of the split, in which order.
        fields: names of the parameters of rendered faces; "" of photos.
        mark: what labels rendered faces; None = they are in no scheme.
    """

    def __init__(
        self,
        dataset: str,
        records: Sequence,
        numbers: np.ndarray,
        *,
        fields: str = "",
        mark: Mark | None = None,
    ):
        self.dataset = dataset
        self.numbers = numbers
        self.fields = fields
        self.mark = mark
        self._records = records
        self._labels: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._lock = threading.Lock()

    def __reduce__(self):
        """For another process: the same faces, without this one's lock."""
        again = functools.partial(Source, fields=self.fields, mark=self.mark)
        return again, (self.dataset, self._records, self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def unlabelled(self) -> bool:
        """Whether these are rendered faces in no scheme."""
        return bool(self.fields) and self.mark is None

    def labelled(self, mark: Mark) -> "Source":
        """The same faces with landmarks of a scheme, worked out as they are read."""
        own = self.dataset, self._records, self.numbers
        return Source(*own, fields=self.fields, mark=mark)

    def record(self, index: int) -> Record:
        """Face `index` as it is stored, its photo still encoded."""
        example = self._records[int(self.numbers[index])]
        photo, name = example["image"], example["name"].decode()
        if "params" in example:
            points, seen = self._marked(index) if self.mark else (None, None)
            return Record(photo, points, seen, example["box"], name, _drawn(example))
        points = example["points"]
        seen = np.full(len(points), UNKNOWN, np.int8)
        # An iBug set has no box: the points are the 68.
        box = example["box"] if "box" in example else _box(points)
        return Record(photo, points, seen, box.astype(np.float32), name)

    def _marked(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Points and visibility of a rendered face, worked out with its neighbours."""
        chunk, row = divmod(index, TOGETHER)
        with self._lock:
            if chunk not in self._labels:
                own = np.arange(chunk * TOGETHER, (chunk + 1) * TOGETHER)
                # The last chunk is filled up: another length would compile anew.
                own = self.numbers[np.minimum(own, len(self) - 1)]
                found = [_drawn(self._records[int(number)]) for number in own]
                parts = [(one.params, one.bare, one.thing) for one in found]
                self._labels[chunk] = self.mark(
                    *map(np.stack, zip(*parts, strict=True))
                )
            points, seen = self._labels[chunk]
        return points[row], seen[row]

    def __getitem__(self, index: int) -> Batch | Rendered:
        """Face `index` in its photo, decoded, without leading axes."""
        record = self.record(index)
        image = np.asarray(crop.decode(record.photo)[0])
        mask = np.array(True)
        if record.points is None:
            place = np.zeros(2, np.float32), np.float32(1)
            return Rendered(image, *record.drawn, *place, record.box, mask)
        return Batch(image, record.points, record.visibility, record.box, mask)

    @functools.cached_property
    def names(self) -> list[str]:
        """The names of the faces, in order; reads every record once."""
        return [self._records[int(n)]["name"].decode() for n in self.numbers]

    def take(self, chosen: np.ndarray) -> "Source":
        """The source of the faces that `chosen` numbers, in that order."""
        own = self.dataset, self._records, self.numbers[chosen]
        return Source(*own, fields=self.fields, mark=self.mark)


def _drawn(example):
    bare = np.asarray(Image.open(io.BytesIO(example["bare"])))
    return Drawn(example["params"], bare, example["thing"])


def _box(points):
    # By hand: what `points.box` checks costs a face 40 microseconds more.
    return np.concatenate([points.min(0), points.max(0)])


def load(folder: str | pathlib.Path, split: str) -> Source:
    """All faces of a split of a prepared dataset.

    Args:
        folder: what `builders.prepare` gave back.
        split: "train", "test", "common", ...

    Raises:
        UserError: the folder is no prepared dataset, is one of an older lmkjax, or
            lacks the split.
    """
    builder = _open(folder)
    if split not in builder.info.splits:
        known = ", ".join(sorted(builder.info.splits)) or "none"
        raise UserError(f"{builder.name} has no split '{split}' here; it has: {known}.")
    fields = ""
    if builder.name == RENDERED:
        if "params" not in builder.info.features:
            raise UserError(
                f"{folder}: these rendered faces are of an older lmkjax, which kept the"
                " points of one scheme; today's sets serve all. Delete the folder, and"
                " render anew: python -m data_builders.build synthetic_faces"
            )
        fields = builder.info.metadata["fields"]
    records = Records(builder, split)
    every = np.arange(len(records))
    return Source(f"{builder.name}/{split}", records, every, fields=fields)


def splits(folder: str | pathlib.Path) -> dict[str, int]:
    """How many faces each split of a prepared dataset has; a missing one is not there.

    Raises:
        UserError: the folder is no prepared dataset.
    """
    return {s: i.num_examples for s, i in _open(folder).info.splits.items()}


def subset(source: Source, *, count: int, seed: int) -> Source:
    """`count` faces drawn by chance; of one seed, the smaller lies in the larger.

    Args:
        source: where to draw from.
        count: how many; 0 = all, in their own order.
        seed: of the draw.

    Raises:
        UserError: there are not so many.
    """
    if count == 0:
        return source
    if not 0 < count <= len(source):
        raise UserError(f"Wanted {count} of {source.dataset}; it has {len(source)}.")
    return source.take(np.sort(_shuffled(len(source), seed)[:count]))


def hold_out(source: Source, *, count: int, seed: int) -> tuple[Source, Source]:
    """The source without `count` faces drawn by chance, and those faces.

    Args:
        source: where to draw from, most often a train split.
        count: how many are held out, to choose by.
        seed: of the draw.

    Returns:
        What is left to train on, and what is held out; both in their own order.

    Raises:
        UserError: nothing would be left.
    """
    if not 0 <= count < len(source):
        raise UserError(
            f"Wanted to hold {count} out of {source.dataset}; it has {len(source)}."
            " Hold fewer out, such as by --config.data.validation_faces, or add faces."
        )
    order = _shuffled(len(source), seed)
    return source.take(np.sort(order[count:])), source.take(np.sort(order[:count]))


def _open(folder: str | pathlib.Path):
    """The TFDS builder of a prepared folder; it reads, and cannot build."""
    if not (pathlib.Path(folder) / "dataset_info.json").is_file():
        raise UserError(
            f"{folder}: wanted a prepared dataset; make one with "
            "`python -m data_builders.build NAME --data-dir DIR`."
        )
    return tfds.builder_from_directory(str(folder))


def _shuffled(count: int, seed: int) -> np.ndarray:
    """The numbers below `count` in an order drawn by chance."""
    # NumPy freezes what RandomState draws; a Generator's may change with a release.
    return np.random.RandomState(seed).permutation(count)
