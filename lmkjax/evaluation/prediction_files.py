"""Files of predicted points, our own and those of other systems."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.images import finding
from lmkjax.landmarks import pts, schemes

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
            Where "scheme" names one (or a file of one), its 68 of iBug are taken; of
            several faces that `predict` found, the largest one's.

    Returns:
        By the images' names float32 [68, 2]; and why others have none: null, or
        {"error": why}.

    Raises:
        UserError: the file is missing, is not as described above, or names an image
            twice.
    """
    content = files.read_json(file, what="[[x, y], ...]")
    scheme, known = None, functools.cache(_known)
    if _is_render(content):
        scheme, content = content["scheme"], content["faces"]
        if not content:
            raise UserError(f"{file}: wanted faces with their points; there are none.")
    given, without = {}, {}
    for name, value in content.items():
        entry = value if isinstance(value, dict) else {"points": value}
        if value is None or (isinstance(entry.get("error"), str)):
            without[name] = entry["error"] if value else "the file says null"
        elif entry.get("faces") == []:
            without[name] = "no face was found"
        else:
            given[name] = _points(entry, scheme, name, file, known)
    return given, without


def is_truth(file: pathlib.Path) -> bool:
    """Whether a `points.json` is the truth of its pictures, no system's answer.

    What `render` wrote is, and so are plain lists of points, where no .pts file lies
    beside them or in a sub-folder.

    Raises:
        UserError: it is no JSON file.
    """
    content = files.read_json(file, what="[[x, y], ...]")
    plain = all(isinstance(v, list) for v in content.values())
    return _is_render(content) or (
        plain and not any(f.suffix.lower() == ".pts" for f in finding.walk(file.parent))
    )


def yaws(file: pathlib.Path) -> dict[str, float]:
    """The yaw of each face, degrees, in what `render` wrote; empty where it is not."""
    content = files.read_json(file, what="[[x, y], ...]")
    faces = content["faces"] if _is_render(content) else {}
    return {name: v["yaw_deg"] for name, v in faces.items() if "yaw_deg" in v}


def _is_render(content: dict[str, Any]) -> bool:
    faces, scheme = content.get("faces"), content.get("scheme")
    return isinstance(faces, dict) and isinstance(scheme, str)


def _points(
    entry: dict[str, Any],
    scheme: str | None,
    name: str,
    file: str | pathlib.Path,
    known: Callable[[str], tuple[int, np.ndarray | None]],
) -> np.ndarray:
    """The 68 points that a file gives for an image."""
    faces = entry.get("faces")
    if isinstance(faces, list) and not all(isinstance(face, dict) for face in faces):
        raise UserError(
            f"{file}: the faces of '{name}' want to be {{'points': [[x, y], ...]}}"
            f" each; got {str(faces)[:40]}."
        )
    if isinstance(faces, list) and len(faces) > 1 and all("score" in f for f in faces):
        # Found by `predict`, which was told of none; the photo's is the largest.
        faces = [max(faces, key=lambda face: _area(face, name, file))]
    if isinstance(faces, list) and len(faces) == 1:
        entry = {"scheme": entry.get("scheme")} | faces[0]
    elif isinstance(faces, list):
        raise UserError(
            f"{file}: '{name}' has {len(faces)} faces; wanted the one that is"
            " measured. Predict it with its box alone."
        )
    if "points" not in entry:
        raise UserError(
            f"{file}: '{name}' wants 68 points [x, y] as 'points'; got"
            f" {', '.join(map(repr, entry))[:80] or 'nothing'}."
        )
    value, scheme = entry["points"], entry.get("scheme") or scheme
    try:
        found = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.zeros(0)
    if isinstance(scheme, str):
        count, subset = known(scheme)
        if subset is None and found.shape == (_COUNT, 2):
            raise UserError(
                f"{file}: '{name}' has 68 points of the scheme '{scheme}', and nobody"
                " knows that they are iBug's. If they are, leave out what it says of a"
                " scheme."
            )
        if subset is not None and found.shape == (count, 2):
            found = found[subset]
    if found.shape != (_COUNT, 2):
        raise UserError(
            f"{file}: '{name}' wants 68 points [x, y]; got {_came(found, value)}."
        )
    if (far := ~(np.abs(found) < pts.FAR).all(-1)).any():  # NaN is not below it
        bad = int(np.flatnonzero(far)[0])
        raise UserError(
            f"{file}: '{name}', point {bad} (counted from 0) is {found[bad].tolist()};"
            f" wanted finite numbers below {pts.FAR:.0e}."
        )
    return found.astype(np.float32)


def _known(scheme: str) -> tuple[int, np.ndarray | None]:
    """How many points a scheme has, and which are iBug's 68; None = nobody knows."""
    try:
        own = schemes.get(scheme)
    except UserError:
        return 0, None
    return own.count, own.subset68


def _area(face: dict[str, Any], name: str, file: str | pathlib.Path) -> float:
    try:
        left, top, right, bottom = map(float, face["box"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{file}: '{name}' has several faces; wanted a box [left, top, right,"
            f" bottom] of each, to take the largest; got {face.get('box')!r}."
        ) from None
    return (right - left) * (bottom - top)


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
        odd = [v for v in value if not (isinstance(v, list) and len(v) == 2)] or value
        return f"{len(value)} entries, such as {str(odd[:1])[1:40]}"
    return repr(value)[:40]
