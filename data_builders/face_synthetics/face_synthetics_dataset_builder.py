"""FaceSynthetics: rendered faces, each with 68 landmarks and two pupils."""

import dataclasses
import hashlib
import json
import pathlib
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from data_builders import left_out
from lmkjax.errors import UserError
from lmkjax.images import reading
from lmkjax.landmarks import pts

PHOTO = re.compile(r"(?:.*/)?(\d{6})\.png")  # not 000000_seg.png
OFFICIAL = 100_000


@dataclasses.dataclass(eq=False, kw_only=True)
class Config(tfds.core.BuilderConfig):
    """Where the faces lie.

    Attributes:
        source: the makers' zip or folder; "" = TFDS' `manual_dir`.
    """

    source: str = ""


class Listed(NamedTuple):
    """A source's pictures, and how its files are read.

    Attributes:
        files: number to the picture's file, in order.
        read: a file to its bytes.
        size: a file to how many bytes it has, unread; 0 of one that cannot be opened.
    """

    files: dict[str, str]
    read: Callable[[str], bytes]
    size: Callable[[str], int]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Microsoft FaceSynthetics (Wood et al., ICCV 2021)."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Points in corner-origin pixels, as the makers' are."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Accept the licence at https://github.com/microsoft/FaceSynthetics, then put
    `dataset_100000.zip` (or what it unpacks to) into `manual_dir`.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        """The features; prose comes from README.md, CITATIONS.bib, TAGS.txt."""
        place = "(x, y) in pixels; (0, 0) is the top-left corner."
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "points": tfds.features.Tensor(shape=(68, 2), dtype=np.float32, doc=place),
            "pupils": tfds.features.Tensor(shape=(2, 2), dtype=np.float32, doc=place),
            "name": tfds.features.Text(doc="The makers' own number: 000000."),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://github.com/microsoft/FaceSynthetics",
            disable_shuffling=True,  # the order of the names: no chance on disk
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        """One split: the makers name no others."""
        source = getattr(self.builder_config, "source", "") or dl_manager.manual_dir
        source = pathlib.Path(source)
        files, read, _ = listed(source)
        reader = left_out.Reader(
            source,
            lambda name: _example(files[name], read),
            lambda name: _held(files[name], read),
        )
        names = reader.begin(list(files))
        if not names:
            reader.refuse()
        told = self.info.metadata
        told["present"], told["official"] = {"train": 0}, {"train": OFFICIAL}
        told["left_out"] = reader.left_out
        return {"train": self._generate_examples(names, reader)}

    def _generate_examples(self, names: Sequence[str], reader: left_out.Reader):
        """Yields (number, example), the number being the dataset's own."""
        for found in reader.examples(names, "Preparing FaceSynthetics"):
            self.info.metadata["present"]["train"] += 1
            yield found


def listed(source: pathlib.Path) -> Listed:
    """The pictures of a folder or a zip, and what reads a file of it.

    Args:
        source: a folder of `NNNNNN.png` and `NNNNNN_ldmks.txt`, one that holds the
            makers' zip, or that zip.

    Raises:
        UserError: there is no such file or folder, no picture in it, or one twice.
    """
    if source.is_dir() and not any(map(PHOTO.fullmatch, _names(source))):
        source = next(iter(sorted(source.glob("dataset_*.zip"))), source)
    if source.is_dir():
        files, opened = _names(source), None
    else:
        opened = _unzipped(source)
        files = opened.namelist()

    def read(file: str) -> bytes:
        try:
            return opened.read(file) if opened else (source / file).read_bytes()
        except Exception as error:  # damaged, a zip makes readers raise anything
            raise UserError(f"{file}: cannot be read ({error}).") from None

    def size(file: str) -> int:
        try:
            return (
                opened.getinfo(file).file_size
                if opened
                else (source / file).stat().st_size
            )
        except OSError:
            return 0

    found: dict[str, str] = {}
    for match in filter(None, map(PHOTO.fullmatch, sorted(files))):
        if (first := found.setdefault(match[1], match[0])) != match[0]:
            raise UserError(
                f"{source}: wanted each face once; there are {first} and {match[0]}."
                " Take one of them out."
            )
    if not found:
        raise UserError(
            f"{source}: wanted FaceSynthetics (000000.png, 000000_ldmks.txt, ...); "
            "found no such picture."
        )
    return Listed(found, read, size)


def _unzipped(source: pathlib.Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except OSError as error:
        reason = error.strerror
    except Exception as error:  # damaged, a zip makes readers raise anything
        reason = f"{error}; was its download cut off?"
    raise UserError(
        f"{source}: wanted FaceSynthetics, a folder or the zip ({reason})."
    ) from None


def labels_of(file: str) -> str:
    """The landmark file of a picture."""
    return file.removesuffix(".png") + "_ldmks.txt"


def parsed(text: bytes, file: str) -> np.ndarray:
    """The 70 points of a landmark file, in our convention.

    Raises:
        UserError: another count of points, or one that is no finite number or not
            marked.
    """
    # The makers count from the corner as we do: see README.md.
    text = text.decode("utf-8-sig", errors="replace")
    return pts.parse(text, file, count=70).astype(np.float32)


def make_config(*, source: str | pathlib.Path) -> Config:
    """The config of a folder or zip: its name changes when what it holds does.

    Of pictures the names and sizes count, of labels all.

    Args:
        source: the makers' zip, or the folder that it unpacks to.

    Raises:
        UserError: there is no such file or folder, or no picture in it.
    """
    source = pathlib.Path(source).expanduser()
    files, read, size = listed(source)
    digest = hashlib.sha256()
    for file in files.values():  # pictures unread: that would take minutes
        digest.update(f"{file} {size(file)} ".encode() + _read(read, labels_of(file)))
    return Config(
        name=f"{len(files)}-{digest.hexdigest()[:12]}",
        description="The name is the count and a digest of what the source holds.",
        source=str(source),
    )


def held(*, source: str | pathlib.Path) -> Callable[[str], bytes]:
    """What the files of a source's faces hold, by the face's number; none: nothing."""
    files, read, _ = listed(pathlib.Path(source).expanduser())
    return lambda name: _held(files[name], read) if name in files else b""


def describe(folder: pathlib.Path) -> list[str]:
    """How many faces a prepared set has, of how many, and those left out."""
    metadata = json.loads((folder / "metadata.json").read_text())
    present = metadata["present"]["train"]
    told = f"FaceSynthetics train: {present} of {OFFICIAL} faces"
    return [told, *left_out.lines(metadata.get("left_out", {}))]


def _example(file: str, read: Callable[[str], bytes]) -> dict:
    """The face of a picture.

    Raises:
        UserError: it cannot be used.
    """
    landmarks = labels_of(file)
    points = parsed(read(landmarks), landmarks)
    photo = reading.stored(read(file), name=file)
    return {"image": photo, "points": points[:68], "pupils": points[68:]}


def _held(file: str, read: Callable[[str], bytes]) -> bytes:
    """What a picture and its landmark file hold."""
    return _read(read, labels_of(file)) + _read(read, file)


def _read(read: Callable[[str], bytes], file: str) -> bytes:
    """A file's bytes; none of one that cannot be read."""
    try:
        return read(file)
    except UserError:
        return b""


def _names(folder: pathlib.Path) -> list[str]:
    """The files of a folder and of its folders, relative to it."""
    found = (*folder.glob("*.*"), *folder.glob("*/*.*"))
    return [file.relative_to(folder).as_posix() for file in found]
