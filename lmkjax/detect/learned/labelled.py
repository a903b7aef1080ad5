"""Pictures with somebody's labels, read from a folder."""

import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.images import finding, reading
from lmkjax.landmarks import pts

POINTS = "points.json"
_WANTED = "[[x, y], ...]"


class Face(NamedTuple):
    """A picture of one face.

    Attributes:
        name: of its file.
        image: RGB.
        points: float32 [k, 2], pixels.
    """

    name: str
    image: Image.Image
    points: np.ndarray


def read(folder: pathlib.Path, *, count: int, most: int, seed: int) -> list[Face]:
    """The faces of a folder, in the order of their names.

    Args:
        folder: of pictures with a points.json, or with *_ldmks.txt or *.pts.
        count: points that each must have.
        most: faces that are read; of more, so many are drawn by chance.
        seed: of the draw.

    Raises:
        UserError: there are no labels, a picture is missing, a face has another number
            of points, or one that is no finite number or that nobody marked.
    """
    if not folder.is_dir():
        raise UserError(
            f"--data: wanted a folder of labelled pictures, got '{folder}'."
        )
    found = _of_json(folder, count) or _of_files(folder, count)
    names = sorted(found)
    chosen = np.random.RandomState(seed).permutation(len(names))[:most]
    names = [names[number] for number in sorted(chosen)]
    if not found:
        raise UserError(
            f"{folder}: wanted pictures with labels: a {POINTS} of plain lists, or a"
            " NAME_ldmks.txt or NAME.pts beside each NAME.png or .jpg; found none."
        )
    return [Face(path.name, reading.read(path), found[path]()) for path in names]


def part(
    faces: list[Face], *, held_out: int | None, seed: int
) -> tuple[list[Face], list[Face]]:
    """Faces to learn from, and others to measure on.

    Args:
        faces: all.
        held_out: how many are drawn by chance; None = a third.
        seed: of the draw.

    Raises:
        UserError: none would be left to learn from.
    """
    count = max(1, len(faces) // 3) if held_out is None else held_out
    if count >= len(faces):
        raise UserError(
            f"Wanted to hold {count} faces out; there are {len(faces)}, and at least"
            " one is wanted to learn from."
        )
    order = np.random.RandomState(seed).permutation(len(faces))
    chosen = set(order[:count].tolist())
    held = [face for number, face in enumerate(faces) if number in chosen]
    return [f for number, f in enumerate(faces) if number not in chosen], held


def _of_json(folder: pathlib.Path, count: int) -> dict[pathlib.Path, Callable]:
    """What gives the points of each picture."""
    file = folder / POINTS
    if not file.is_file():
        return {}
    found = {}
    for name, value in files.read_json(file, what=_WANTED).items():
        try:
            points = np.array(value, np.float32)
        except (TypeError, ValueError):
            points = np.zeros(0, np.float32)
        if points.shape != (count, 2) or not np.isfinite(points).all():
            came = f"{len(value)} entries" if isinstance(value, list) else repr(value)
            raise UserError(
                f"{file}: '{name}' wants {count} points {_WANTED} of finite numbers,"
                f" as many as --begin has; got {came:.60}."
            )
        for number, point in enumerate(points.tolist()):
            if tuple(point) in pts.UNMARKED:
                raise UserError(
                    f"{file}: '{name}': point {number} (counted from 0) is {point},"
                    " which says that nobody marked it; wanted all. Mark it, or take"
                    " the face out."
                )
        found[folder / name] = functools.partial(np.asarray, points)
    return found


def _of_files(folder: pathlib.Path, count: int) -> dict[pathlib.Path, Callable]:
    """Likewise; the files of labels are read when they are wanted."""
    found = {}
    # macOS's notes '._*' are neither pictures nor labels.
    own = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith("._")]
    labels = {path.stem + path.suffix.lower(): path for path in own}
    for path in sorted(own):
        if path.suffix.lower() not in finding.ENDINGS:
            continue
        if theirs := labels.get(f"{path.stem}_ldmks.txt"):
            found[path] = functools.partial(_makers, theirs, count)
        elif marked := labels.get(f"{path.stem}.pts"):
            found[path] = functools.partial(pts.read, marked, count=count)
    return found


def _makers(file: pathlib.Path, count: int) -> np.ndarray:
    """FaceSynthetics' labels: they count from the corner, as we do."""
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    return pts.parse(text, file, count=count).astype(np.float32)
