"""A user's photos and boxes: read, and written with their points."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.evaluation import plots
from lmkjax.images import reading

CONVENTION = (
    "pixels of the photo as it is seen (turned as its EXIF says); (0, 0) is its outer"
    " corner, the first pixel's centre is (0.5, 0.5); uncertainty is a standard"
    " deviation in the same pixels; a box is left, top, right, bottom"
)
POINTS, OVERLAYS = "points.json", "overlays"


def read_boxes(
    file: str | pathlib.Path, photos: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The box of each photo, float32 [4]: left, top, right, bottom.

    Args:
        file: JSON of a photo's name to [left, top, right, bottom], or to
            {"box": [...]}, as our own `points.json` has it.
        photos: their names.

    Raises:
        UserError: the file is missing or broken, names a photo that is not there,
            leaves one out, or holds a box that is none.
    """
    try:
        content = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: wanted a JSON file of boxes; {error}.") from None
    if not isinstance(content, dict):
        raise UserError(
            f'{file}: wanted {{"photo.jpg": [left, top, right, bottom], ...}}; got'
            f" {type(content).__name__}."
        )
    known = ", ".join(f"'{name}'" for name in list(photos)[:3])
    if strangers := [name for name in content if name not in photos]:
        raise UserError(
            f"{file}: there is no photo '{strangers[0]}'; the photos are called"
            f" {known}{', ...' if len(photos) > 3 else ''}."
        )
    if left_out := [name for name in photos if name not in content]:
        raise UserError(
            f"{file}: wanted a box for every photo; '{left_out[0]}' has none. Add it,"
            " or go without --boxes where each photo is one face."
        )
    return {name: _box(content[name], name, file) for name in photos}


def annotate(
    find_faces: Callable[..., Any],
    photos: Mapping[str, pathlib.Path],
    out: str | pathlib.Path,
    *,
    boxes: Mapping[str, np.ndarray] | None = None,
    scheme: str,
    together: int = 16,
) -> int:
    """Writes `points.json` and a picture with points for each photo into a folder.

    Either all is written or nothing: it grows in a hidden folder beside `out`.

    Args:
        find_faces: `Detector.find`.
        photos: by name; see `finding.find`.
        out: a new or empty folder, or one that this has written before.
        boxes: by name; see `read_boxes`; None = each photo is one face.
        scheme: of the points.
        together: photos in memory at a time.

    Returns:
        How many photos.

    Raises:
        UserError: a photo cannot be read, its box lies outside it, the folder holds
            other things, or the network's answer is not finite.
    """
    names, content = list(photos), {}
    with _folder(pathlib.Path(out)) as folder:
        (folder / OVERLAYS).mkdir()
        for first in range(0, len(names), together):
            part = names[first : first + together]
            images = [reading.read(photos[name]) for name in part]
            own = None if boxes is None else [boxes[name] for name in part]
            for name, image in zip(part, images, strict=True):
                if boxes is not None:
                    _check_inside(boxes[name], image, name)
            for name, image, face in zip(
                part,
                images,
                zip(*find_faces(images, own, scheme=scheme), strict=True),
                strict=True,
            ):
                content[name] = _entry(name, scheme, *face)
                picture = folder / OVERLAYS / f"{name.replace('/', '_')}.png"
                plots.write_overlay(picture, np.asarray(image), *face)
        text = json.dumps(content, allow_nan=False)
        (folder / POINTS).write_text(text.replace('}, "', '},\n"') + "\n")
    return len(names)


def _entry(name, scheme, points, uncertainty, box) -> dict[str, Any]:
    """What `points.json` says of a photo."""
    if not (np.isfinite(points).all() and np.isfinite(uncertainty).all()):
        raise UserError(
            f"{name}: the network's points are not finite; its training has failed."
        )
    return {
        "box": np.asarray(box, float).round(3).tolist(),
        "points": np.asarray(points, float).round(3).tolist(),
        "uncertainty": np.asarray(uncertainty, float).round(3).tolist(),
        "scheme": scheme,
        "convention": CONVENTION,
    }


def _box(value: Any, name: str, file: str | pathlib.Path) -> np.ndarray:
    """A box as the file has it, checked."""
    value = value.get("box") if isinstance(value, dict) else value
    try:
        box = np.array(value, np.float32)
    except (TypeError, ValueError):
        box = np.zeros(0)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[:2] >= box[2:]).any():
        raise UserError(
            f"{file}: '{name}' wants [left, top, right, bottom] in pixels with left <"
            f" right and top < bottom; got {value!r:.80}."
        )
    return box


def _check_inside(box: np.ndarray, image: Image.Image, name: str) -> None:
    """Refuses a box that misses its photo, or is far larger."""
    outside = (box[2:] <= 0).any() or (box[:2] >= np.array(image.size)).any()
    if outside or (box[2:] - box[:2]).max() > 4 * max(image.size):
        raise UserError(
            f"{name}: wanted a box on the photo of {image.width} x {image.height}"
            f" pixels; got {box.tolist()} (left, top, right, bottom)."
        )


@contextlib.contextmanager
def _folder(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """A hidden folder that takes the place of `out` if all goes well."""
    if out.exists() and not out.is_dir():
        raise UserError(f"Wanted a folder for --out; '{out}' is a file.")
    if out.is_dir() and (
        others := {f.name for f in out.iterdir()} - {POINTS, OVERLAYS}
    ):
        raise UserError(
            f"Wanted a new folder for --out; '{out}' already holds"
            f" '{sorted(others)[0]}', which is not from an earlier prediction."
        )
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    new, old = (
        out.with_name(f".{out.name}.{what}{os.getpid()}") for what in ("", "old")
    )
    new.mkdir()
    try:
        yield new
        if out.exists():
            out.rename(old)
        new.rename(out)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
