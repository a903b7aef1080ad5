"""Boxes of faces from a JSON file, of our own or of other tools."""

import pathlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.images import names

LEAST = 4
"""Pixels of the longer side of a box in which a face may be looked for."""
_WANTED = "[left, top, right, bottom] in pixels"


class Boxes(NamedTuple):
    """The boxes that a file has for some photos.

    Attributes:
        boxes: by the photos' names, float32 [n, 4]: left, top, right, bottom.
        several: the photos whose boxes were a list, even of one.
        faults: why a photo has no box that would do.
        notes: a line for each thing that was passed over.
        form: what the boxes were said to be, see `read`; None = nothing.
    """

    boxes: dict[str, np.ndarray]
    several: set[str]
    faults: dict[str, str]
    notes: list[str]
    form: str | None = None


def read(
    file: str | pathlib.Path, photos: Iterable[str], *, form: str | None = None
) -> Boxes:
    """The boxes of each photo.

    A photo that the file leaves out, or for which it has a box that is none, is a
    fault of that photo alone.

    Args:
        file: JSON of a photo's name to its box; to {"box": [...]}, as `predict` and
            `render` write it; or to a list of boxes. A fifth number of a box, its
            score from 0 to 1, is left out. For names see `names.match`.
        photos: their names.
        form: "corners" (left, top, right, bottom) or "xywh" (left, top, width,
            height); None = corners, unless they do not look like it.

    Raises:
        UserError: the file is missing or broken, has no photo's name, a name twice, or
            something that is no box; its boxes are shares of the photo, or of the
            other form.
    """
    content, photos = files.read_json(file, what=_WANTED), list(photos)
    content = rendered(content) or content
    chosen = names.match(content, photos, file=file)
    known = ", ".join(f"'{name}'" for name in photos[:3])
    strangers = sorted(content.keys() - set(chosen.values()))
    if not chosen:
        raise UserError(
            f"{file}: there is no photo '{strangers[0]}'; the photos are called"
            f" {known}{', ...' if len(photos) > 3 else ''}."
        )
    found = Boxes({}, set(), {}, [], form)
    if strangers:
        found.notes.append(
            f"{file}: {len(strangers)} names are of no photo here; the first is"
            f" '{strangers[0]}' (photos are called {known})."
        )
    for name in photos:
        if name not in chosen:
            found.faults[name] = f"{file} has no box for it"
            continue
        value = content[chosen[name]]
        rows, several = _rows(value)
        if not rows:
            why = value.get("error") if isinstance(value, dict) else None
            found.faults[name] = f"{file} has no box for it" + (f" ({why})" * bool(why))
            continue
        found.boxes[name] = np.stack([_box(row, name, file) for row in rows])
        if several:
            found.several.add(name)
    if found.boxes:
        _refuse_another_form(np.concatenate(list(found.boxes.values())), form, file)
    for name, boxes in list(found.boxes.items()):
        if form == "xywh":
            boxes[:, 2:] += boxes[:, :2]
        if reason := _fault(boxes):
            found.faults[name] = reason
            del found.boxes[name]
    return found


def rendered(content: dict[str, Any]) -> dict[str, Any] | None:
    """The faces of a `points.json` that `render` wrote; None if it is no such file."""
    faces = content.get("faces")
    return faces if isinstance(faces, dict) and "scheme" in content else None


def misfit(box: np.ndarray, size: tuple[int, int]) -> str:
    """Why no face can be looked for in a box on a photo; empty if one can.

    Args:
        box: left, top, right, bottom.
        size: width and height of the photo, pixels.
    """
    shared = np.minimum(box[2:], size) - np.maximum(box[:2], 0)
    share = np.prod(np.maximum(shared, 0)) / np.prod(box[2:] - box[:2])
    if share >= 0.2 and (box[2:] - box[:2]).max() <= 4 * max(size):
        return ""
    where = "mostly beside" if share < 0.2 else "far larger than"
    where = "beside" if share <= 0 else where
    return (
        f"its box {np.round(box, 1).tolist()} (left, top, right, bottom) lies {where}"
        f" the photo of {size[0]} x {size[1]} pixels"
    )


def _rows(value: Any) -> tuple[list[Any], bool]:
    """The boxes that a file has for a photo, and whether they are a list."""
    if isinstance(value, dict) and isinstance(value.get("faces"), list):
        value = value["faces"]
    elif isinstance(value, dict) and value.keys() & {"box", "error"}:
        value = value.get("box")
    if value is None or value == []:
        return [], False
    if _is_68_points(value):
        x, y = zip(*value, strict=True)
        return [[min(x), min(y), max(x), max(y)]], False
    if isinstance(value, list) and isinstance(value[0], list | dict):
        rows = [row.get("box") if isinstance(row, dict) else row for row in value]
        return rows, True
    return [value], False


def _is_68_points(value: Any) -> bool:
    """Whether it is a face's iBug points, around which its box is tight."""
    return (
        isinstance(value, list)
        and len(value) == 68
        and all(isinstance(row, list) and len(row) == 2 for row in value)
        and all(isinstance(number, int | float) for row in value for number in row)
    )


def _box(row: Any, name: str, file: str | pathlib.Path) -> np.ndarray:
    """Four numbers, of four or five."""
    try:
        with np.errstate(over="ignore"):
            box = np.array(row, np.float64).astype(np.float32)
    except (TypeError, ValueError):
        box = np.zeros(0)
    if box.shape == (5,) and 0 <= box[4] <= 1:
        box = box[:4]
    if box.shape != (4,):
        more = (
            "; a fifth number can be a score from 0 to 1" if box.shape == (5,) else ""
        )
        raise UserError(f"{file}: '{name}' wants {_WANTED}{more}; got {row!r:.80}.")
    return box


def _refuse_another_form(
    boxes: np.ndarray, form: str | None, file: str | pathlib.Path
) -> None:
    """Refuses boxes that are not of the form which they are said to be of."""
    boxes = boxes[np.isfinite(boxes).all(-1)]
    if len(boxes) and boxes.min() >= 0 and boxes.max() <= 1.5:
        raise UserError(
            f"{file}: wanted {_WANTED}; all numbers are between 0 and"
            f" {boxes.max():.3g}, as shares of a photo are. Multiply them by the"
            " photo's width and height."
        )
    if form is not None:
        return
    inverted = (boxes[:, 2:] < boxes[:, :2]).any(-1)
    if inverted.any():
        would = bool((boxes[:, 2:] > 0).all())
        raise UserError(
            f"{file}: wanted {_WANTED}; of {len(boxes)} boxes {inverted.sum()} have"
            f" their right or bottom first, such as {boxes[inverted][0].tolist()}."
            + " Are they left, top, width, height? Then --box-format xywh."
            * would
        )


def _fault(boxes: np.ndarray) -> str:
    """What is wrong with a photo's boxes; empty if nothing."""
    for box in boxes:
        if not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
            return f"its box {box.tolist()} has no size; wanted {_WANTED}"
        if (box[2:] - box[:2]).max() < LEAST:
            return f"its box {box.tolist()} has fewer than {LEAST} pixels"
    return ""
