"""300-W: photos of faces, each with 68 landmarks, in their official splits."""

import argparse
import hashlib
import json
import pathlib

import numpy as np
import rich.console
import rich.progress
import tensorflow_datasets as tfds

from lmkjax.data import ibug_300w
from lmkjax.errors import UserError
from lmkjax.landmarks import pts


class Builder(tfds.core.GeneratorBasedBuilder):
    """300 Faces in the Wild (Sagonas et al., ICCV workshops 2013)."""

    VERSION = tfds.core.Version("1.0.1")
    RELEASE_NOTES = {
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
        """The splits of which at least one face is there."""
        folder = pathlib.Path(dl_manager.manual_dir)
        faces = ibug_300w.find(folder)
        self.info.metadata["present"] = {s: len(faces[s]) for s in ibug_300w.SPLITS}
        self.info.metadata["official"] = {
            s: sum(ibug_300w.SPLITS[s].values()) for s in ibug_300w.SPLITS
        }
        return {
            s: self._generate_examples(s, faces[s])
            for s in ibug_300w.SPLITS
            if faces[s]
        }

    def _generate_examples(self, split: str, faces: dict[str, pathlib.Path]):
        """Yields (name, example); the name is the subset and the file's stem."""
        console = rich.console.Console(stderr=True)
        for name, file in rich.progress.track(
            faces.items(), f"Preparing 300-W {split}", console=console
        ):
            example = {
                "image": ibug_300w.encoded(ibug_300w.photo_of(file)),
                "points": pts.read(file),
            }
            yield name, example | {"name": name}


def make_config(*, source: str | pathlib.Path) -> tfds.core.BuilderConfig:
    """The config of a folder: its name changes when what the folder holds does.

    Args:
        source: a folder in 300-W's own layout.

    Raises:
        UserError: there is no such folder, no face in it, or a face without a photo.
    """
    folder = pathlib.Path(source).expanduser()
    if not folder.is_dir():
        raise UserError(f"{folder}: wanted 300-W's folder; there is no such folder.")
    digest = hashlib.sha256()
    for faces in ibug_300w.find(folder).values():
        for name, file in faces.items():
            photo = ibug_300w.photo_of(file)
            digest.update(f"{name} {photo.suffix} {photo.stat().st_size} ".encode())
            digest.update(file.read_bytes())
    return tfds.core.BuilderConfig(
        name=f"folder-{digest.hexdigest()[:12]}",
        description="The name is a digest of what the folder holds.",
    )


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds what `make_config` takes to a command line."""
    parser.add_argument(
        "--source",
        required=True,
        metavar="FOLDER",
        help="300-W in its own layout: afw, helen, lfpw, ibug, 01_Indoor, 02_Outdoor; "
        "what is missing is named",
    )


def describe(folder: pathlib.Path) -> list[str]:
    """One line per split of a prepared set: how many faces, of how many.

    Args:
        folder: what `data_builders.build.prepare` gave back.
    """
    metadata = json.loads((folder / "metadata.json").read_text())
    lines = []
    for split, official in metadata["official"].items():
        present = metadata["present"][split]
        state = "complete" if present == official else "in part"
        state = (
            f"missing ({', '.join(ibug_300w.SPLITS[split])})" if present == 0 else state
        )
        lines.append(f"300-W {split}: {present} of {official} faces, {state}")
    return lines
