"""Prepared datasets, opened: the faces of a split by number."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow_datasets as tfds

from lmkjax.data import crop
from lmkjax.errors import UserError
from lmkjax.types import UNKNOWN, Batch


@dataclasses.dataclass(frozen=True)
class Record:
    """One face as it is stored.

    Attributes:
        photo: JPEG or PNG, encoded.
        points: float32 [k, 2], pixels of the photo.
        visibility: int8 [k], see `types.Batch`.
        box: float32 [4], tight around the face's 68 iBug points.
        name: of the face, within its dataset.
    """

    photo: bytes
    points: np.ndarray
    visibility: np.ndarray
    box: np.ndarray
    name: str


class Source:
    """Some faces of a prepared split, in a fixed order, each at hand by its number.

    Attributes:
        dataset: where the faces come from, to be shown: "ibug_300w/common".
        numbers: which faces of the split, in which order.
    """

    def __init__(self, dataset: str, records: Sequence, numbers: np.ndarray):
        self.dataset = dataset
        self.numbers = numbers
        self._records = records

    def __len__(self) -> int:
        return len(self.numbers)

    def record(self, index: int) -> Record:
        """Face `index` as it is stored, its photo still encoded."""
        example = self._records[int(self.numbers[index])]
        points = example["points"]
        seen = example.get("visibility", np.full(len(points), UNKNOWN, np.int8))
        if "box" in example:
            box = example["box"]
        else:  # an iBug set: the points are the 68
            box = np.concatenate([points.min(0), points.max(0)])
        name = example["name"].decode()
        return Record(example["image"], points, seen, box.astype(np.float32), name)

    def __getitem__(self, index: int) -> Batch:
        """Face `index` in its photo, decoded, without leading axes."""
        record = self.record(index)
        image, _ = crop.decode(record.photo)
        mask = np.array(True)
        return Batch(
            np.asarray(image), record.points, record.visibility, record.box, mask
        )

    @functools.cached_property
    def names(self) -> list[str]:
        """The names of the faces, in order; reads every record once."""
        return [self.record(index).name for index in range(len(self))]

    def take(self, chosen: np.ndarray) -> "Source":
        """The source of the faces that `chosen` numbers, in that order."""
        return Source(self.dataset, self._records, self.numbers[chosen])


def load(folder: str | pathlib.Path, split: str) -> Source:
    """All faces of a split of a prepared dataset.

    Args:
        folder: what `builders.prepare` gave back.
        split: "train", "test", "common", ...

    Raises:
        UserError: the folder is no prepared dataset, or lacks the split.
    """
    builder = _open(folder)
    if split not in builder.info.splits:
        known = ", ".join(sorted(builder.info.splits)) or "none"
        raise UserError(f"{builder.name} has no split '{split}' here; it has: {known}.")
    raw = {"image": tfds.decode.SkipDecoding()}  # `crop` decodes, and no larger
    records = builder.as_data_source(split, decoders=raw)
    return Source(f"{builder.name}/{split}", records, np.arange(len(records)))


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
