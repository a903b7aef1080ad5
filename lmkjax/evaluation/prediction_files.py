"""Files of predicted points, our own and those of other systems."""

import pathlib
from typing import Any

import numpy as np

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.landmarks import schemes

POINTS = "points.json"
"""What `predict` and `render` call theirs."""
_COUNT = 68


def read(
    file: str | pathlib.Path,
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The 68 points of every image in a file of predictions.

    Args:
        file: JSON of an image's name to its points, [[x, y], ...], or to
            {"points": [[x, y], ...]}, as `predict` writes it, or what `render` wrote.
            Where "scheme" names one of ours, its 68 points of iBug are taken; of
            several faces that `predict` found, the largest one's.

    Returns:
        By the images' names float32 [68, 2]; and why others have none: null, or
        {"error": why}.

    Raises:
        UserError: the file is missing, is not as described above, or names an image
            twice.
    """
    content = files.read_json(file, what="[[x, y], ...]")
    scheme = None
    if _is_render(content):
        scheme, content = content["scheme"], content["faces"]
    given, without = {}, {}
    for name, value in content.items():
        entry = value if isinstance(value, dict) else {"points": value}
        if value is None or (isinstance(entry.get("error"), str)):
            without[name] = entry["error"] if value else "the file says null"
        elif entry.get("faces") == []:
            without[name] = "no face was found"
        else:
            given[name] = _points(entry, scheme, name, file)
    return given, without


def is_truth(file: pathlib.Path) -> bool:
    """Whether a `points.json` is the truth of its pictures, no system's answer.

    What `render` wrote is, and so are plain lists of points, where no .pts file lies
    beside them.

    Raises:
        UserError: it is no JSON file.
    """
    content = files.read_json(file, what="[[x, y], ...]")
    plain = bool(content) and all(isinstance(v, list) for v in content.values())
    alone = not any(f.suffix.lower() == ".pts" for f in file.parent.iterdir())
    return _is_render(content) or (plain and alone)


def yaws(file: pathlib.Path) -> dict[str, float]:
    """The yaw of each face, degrees, in what `render` wrote; empty where it is not."""
    content = files.read_json(file, what="[[x, y], ...]")
    faces = content["faces"] if _is_render(content) else {}
    return {name: v["yaw_deg"] for name, v in faces.items() if "yaw_deg" in v}


def _is_render(content: dict[str, Any]) -> bool:
    faces, scheme = content.get("faces"), content.get("scheme")
    return isinstance(faces, dict) and isinstance(scheme, str)


def _points(
    entry: dict[str, Any], scheme: str | None, name: str, file: str | pathlib.Path
) -> np.ndarray:
    """The 68 points that a file gives for an image."""
    faces = entry.get("faces")
    if isinstance(faces, list) and len(faces) > 1 and all("score" in f for f in faces):
        # Found by `predict`, which was told of none; the photo's is the largest.
        faces = [max(faces, key=lambda face: _area(face["box"]))]
    if isinstance(faces, list) and len(faces) == 1:
        entry = {"scheme": entry.get("scheme")} | faces[0]
    elif isinstance(faces, list):
        raise UserError(
            f"{file}: '{name}' has {len(faces)} faces; wanted the one that is"
            " measured. Predict it with its box alone."
        )
    value, scheme = entry.get("points"), entry.get("scheme") or scheme
    try:
        found = np.array(value, np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    ours = schemes.SCHEMES.get(scheme) if isinstance(scheme, str) else None
    if ours and ours.subset68 is not None and found.shape == (ours.count, 2):
        found = found[ours.subset68]
    if found.shape != (_COUNT, 2):
        raise UserError(
            f"{file}: '{name}' wants 68 points [x, y]; got {_came(found, value)}."
        )
    if not np.isfinite(found).all():
        bad = int(np.flatnonzero(~np.isfinite(found).all(-1))[0])
        raise UserError(
            f"{file}: '{name}', point {bad} (counted from 0) is {found[bad].tolist()};"
            " wanted finite numbers."
        )
    return found.astype(np.float32)


def _area(box: list[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _came(found: np.ndarray, value: Any) -> str:
    """What a file has in place of 68 points, and what would do."""
    if found.shape == (_COUNT, 3):
        return "68 points [x, y, z] or [x, y, score]; leave the third number out"
    if found.shape == (2 * _COUNT,):
        return "136 numbers in a row; pair them, as numpy's reshape(68, 2) does"
    if found.shape == (2, _COUNT):
        return "68 x and 68 y; pair them, as numpy's transpose does"
    if found.shape[1:] == (_COUNT, 2):
        return f"a list of {len(found)} faces of 68 points; leave one"
    if found.ndim == 2 and found.shape[1] == 2:
        return (
            f"{len(found)}; other schemes' points have other places (`lmkjax predict"
            " --scheme ibug68` writes 68)"
        )
    if isinstance(value, list):
        return f"{len(value)} entries"
    return repr(value)[:40]
