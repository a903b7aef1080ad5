"""300-W: photos of faces, each with 68 landmarks, in their official splits."""

import contextlib
import hashlib
import io
import json
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow_datasets as tfds

from data_builders import left_out
from lmkjax.data import ibug_300w
from lmkjax.errors import UserError
from lmkjax.images import reading
from lmkjax.landmarks import pts


class Builder(tfds.core.GeneratorBasedBuilder):
    """300 Faces in the Wild (Sagonas et al., ICCV workshops 2013)."""

    VERSION = tfds.core.Version("1.0.3")
    RELEASE_NOTES = {
        "1.0.3": "A photo that its points do not fit is left out.",
        "1.0.2": "A photo that its EXIF turns is left out.",
        "1.0.1": "Grey of 16 bits is scaled; what is transparent shows white.",
        "1.0.0": "Points in corner-origin pixels; photos as they came.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Ask for 300-W at https://ibug.doc.ic.ac.uk/resources/300-W/ and unpack it into
    `manual_dir`, so that it holds afw, helen, lfpw, ibug, 01_Indoor and 02_Outdoor.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        """The features; prose comes from README.md, CITATIONS.bib, TAGS.txt."""
        points = tfds.features.Tensor(
            shape=(68, 2),
            dtype=np.float32,
            doc="(x, y) in pixels; (0, 0) is the top-left corner.",
        )
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "points": points,
            "name": tfds.features.Text(doc="Subset and file stem: afw/134212_1."),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            homepage="https://ibug.doc.ic.ac.uk/resources/300-W/",
            disable_shuffling=True,  # the order of the names: no chance on disk
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        """The splits of which at least one face is there and can be used."""
        folder = pathlib.Path(dl_manager.manual_dir)
        faces = ibug_300w.find(folder)
        files = {name: file for own in faces.values() for name, file in own.items()}
        reader = left_out.Reader(
            folder, lambda name: _example(files[name]), lambda name: _held(files[name])
        )
        first = {s: reader.begin(list(own)) for s, own in faces.items()}
        if not any(first.values()):
            reader.refuse()
        told = self.info.metadata
        told["present"] = dict.fromkeys(ibug_300w.SPLITS, 0)  # counted on the way
        told["official"] = {s: sum(n.values()) for s, n in ibug_300w.SPLITS.items()}
        told["left_out"] = reader.left_out
        return {
            s: self._generate_examples(s, names, reader)
            for s, names in first.items()
            if names
        }

    def _generate_examples(
        self, split: str, names: Sequence[str], reader: left_out.Reader
    ):
        """Yields (name, example); the name is the subset and the file's stem."""
        for found in reader.examples(names, f"Preparing 300-W {split}"):
            self.info.metadata["present"][split] += 1
            yield found


def make_config(*, source: str | pathlib.Path) -> tfds.core.BuilderConfig:
    """The config of a folder: its name changes when what the folder holds does.

    Args:
        source: a folder in 300-W's own layout.

    Raises:
        UserError: there is no such folder, or no face in it.
    """
    folder = pathlib.Path(source).expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder}: wanted 300-W's folder; there is no such folder.")
    digest = hashlib.sha256()
    for faces in ibug_300w.find(folder).values():
        for name, file in faces.items():
            digest.update(f"{name} {_photo_told(file)} ".encode())
            with contextlib.suppress(OSError):  # left out when prepared
                digest.update(file.read_bytes())
    return tfds.core.BuilderConfig(
        name=f"folder-{digest.hexdigest()[:12]}",
        description="The name is a digest of what the folder holds.",
    )


def held(*, source: str | pathlib.Path) -> Callable[[str], bytes]:
    """What the files of a folder's faces hold, by the face's name; none: nothing."""
    faces = ibug_300w.find(pathlib.Path(source).expanduser())
    files = {name: file for own in faces.values() for name, file in own.items()}
    return lambda name: _held(files[name]) if name in files else b""


def describe(folder: pathlib.Path) -> list[str]:
    """One line per split of a prepared set, how many faces, and those left out.

    Args:
        folder: what `data_builders.build.prepare` gave back.
    """
    metadata = json.loads((folder / "metadata.json").read_text())
    without = metadata.get("left_out", {})  # older sets have none
    lines = []
    for split, official in metadata["official"].items():
        present, parts = metadata["present"][split], tuple(ibug_300w.SPLITS[split])
        state = "complete" if present == official else "in part"
        if not present:
            state = f"missing ({', '.join(parts)})"
            if any(name.startswith(parts) for name in without):
                state = "all left out"
        lines.append(f"300-W {split}: {present} of {official} faces, {state}")
    return lines + left_out.lines(without)


def _example(file: pathlib.Path) -> dict:
    """The face of a .pts file.

    Raises:
        UserError: it cannot be used.
    """
    points = pts.read(file)  # before the photo, which takes longer
    photo = ibug_300w.encoded(ibug_300w.photo_of(file))
    with reading.opened(io.BytesIO(photo)) as image:
        size = image.size
    if ((points >= 0) & (points <= size)).all(-1).mean() < 0.5:
        raise UserError(
            f"{file}: most of its points lie beside its photo of {size[0]} x {size[1]}"
            " pixels. Are they of another photo, or was it sized without them?"
        )
    return {"image": photo, "points": points}


def _photo_told(file: pathlib.Path) -> str:
    """Kind and size of the photo beside a .pts file."""
    try:
        photo = ibug_300w.photo_of(file)
        return f"{photo.suffix} {photo.stat().st_size}"
    except (UserError, OSError):
        return "none"


def _held(file: pathlib.Path) -> bytes:
    """What a .pts file and its photo hold; nothing for one that cannot be read."""
    data = b""
    with contextlib.suppress(OSError, UserError):
        data += file.read_bytes()
        data += ibug_300w.photo_of(file).read_bytes()
    return data
