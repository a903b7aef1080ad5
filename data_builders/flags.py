"""What each dataset asks of a command line; neither TFDS nor JAX is needed to tell."""

import argparse
import dataclasses
from collections.abc import Callable

from lmkjax.errors import UserError
from lmkjax.face.priors import options as face_options

CHUNK = 32
"""Faces per call of the renderer."""


@dataclasses.dataclass(eq=False, kw_only=True)
class Faces:
    """What a set of rendered faces is made from.

    Attributes:
        count: faces of the train split.
        test_count: faces of the test split.
        size: side of the pictures, pixels.
        seed: face i is drawn from `lmkjax.types.faces_of(seed, [i])`.
        looks: "photo", or "stand_in": clearly different, in place of real photos.
        priors: `name=value`, blanks between: what the faces have otherwise.
        backgrounds: a folder of pictures to be seen behind the faces; "" = invented.
        faces_per_file: how many lie together; it changes no face, and 4096 of 192 px
            are about 95 MB.
    """

    count: int = 4096
    test_count: int = 512
    size: int = 192
    seed: int = 0
    looks: str = "photo"
    priors: str = ""
    backgrounds: str = ""
    faces_per_file: int = 128 * CHUNK


def ibug_300w(parser: argparse.ArgumentParser) -> None:
    """Adds what 300-W is prepared from."""
    parser.add_argument(
        "--source",
        required=True,
        metavar="FOLDER",
        help="300-W in its own layout: afw, helen, lfpw, ibug, 01_Indoor, 02_Outdoor; "
        "what is missing is named",
    )


def face_synthetics(parser: argparse.ArgumentParser) -> None:
    """Adds what FaceSynthetics is prepared from."""
    parser.add_argument(
        "--source",
        required=True,
        metavar="FOLDER_OR_ZIP",
        help="dataset_100000.zip (or another of the makers' zips), or its folder",
    )


def synthetic_faces(parser: argparse.ArgumentParser) -> None:
    """Adds what rendered faces are made from."""
    helps = {
        "count": "faces to train on",
        "test_count": "faces to test with, all others than those",
        "size": "side of the pictures in pixels",
        "seed": "of the faces; face i depends on seed and i alone",
        "looks": f"how they look: {' or '.join(face_options.LOOKS)}",
        "priors": "what they have otherwise, in one text: 'glasses=1 hats=0'",
        "backgrounds": "a folder of pictures to be seen behind them, without faces",
        "faces_per_file": f"a multiple of {CHUNK}; it changes no face",
    }
    for name, text in helps.items():
        value = getattr(Faces, name)
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(value), default=value, help=text)
    parser.add_argument(
        "--scheme",
        action=_NoScheme,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )


class _NoScheme(argparse.Action):
    """Says what became of a flag of older command lines."""

    def __call__(self, *args):
        raise UserError(
            "Rendered faces have no scheme any more: one set has the landmarks of all."
            " Leave --scheme out."
        )


DATASETS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "ibug_300w": ("300 Faces in the Wild, from your own copy.", ibug_300w),
    "face_synthetics": ("Microsoft FaceSynthetics, likewise.", face_synthetics),
    "synthetic_faces": ("Faces rendered by lmkjax.", synthetic_faces),
}
"""Each dataset's folder here: what it is, and what adds its flags."""
