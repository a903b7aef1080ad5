"""Landmark files of 300-W (`.pts`): read into our coordinates."""

import pathlib
import re

import numpy as np

from lmkjax.errors import UserError

FIRST_PIXEL_CENTRE = 1.0  # this format counts pixels from 1
UNMARKED = ((-1.0, -1.0), (0.0, 0.0))  # what tools write for a point not marked
EYES = (36, 45)  # outer corners of the 68, that errors are measured by
FAR = 1e9
"""Pixels; no picture is so large."""
_TOLD = re.compile(r"n_points:\s*(\d+)")


def read(path: str | pathlib.Path, *, count: int = 68) -> np.ndarray:
    """The points of one file, in pixels where the first pixel's centre is (0.5, 0.5).

    The header (`version: 1`, `n_points: 68`) and the braces may be missing, as they
    are in some copies; a line that begins with # is a comment.

    Args:
        path: the file.
        count: how many points it must hold.

    Returns:
        float32 [count, 2], (x, y).

    Raises:
        UserError: the file cannot be read, holds something that is no number, another
            count of points (or says so in its header), one that is not finite, further
            out than `FAR` or not marked, or (of 68 on) both outer eye corners in one
            place.
    """
    path = pathlib.Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a .pts file ({error}).") from None
    points = parse(text, path, count=count)
    return (points + (0.5 - FIRST_PIXEL_CENTRE)).astype(np.float32)


def parse(text: str, path: str | pathlib.Path, *, count: int) -> np.ndarray:
    """The points of a file's text, as they stand there; see `read`.

    Args:
        text: what the file holds.
        path: of the file, for the message.
        count: how many points it must hold.

    Returns:
        float64 [count, 2], (x, y).

    Raises:
        UserError: as `read`.
    """
    rows = [_row(line, path, n) for n, line in enumerate(text.splitlines(), 1)]
    points = np.array([row for row in rows if row], np.float64).reshape(-1, 2)
    if len(points) != count:
        raise UserError(
            f"{path}: wanted {count} points, one 'x y' a line; found {len(points)}."
        )
    told = {int(n) for n in _TOLD.findall(text)}
    if told - {count}:
        raise UserError(
            f"{path}: its n_points says {min(told - {count})}, and {count} stand in it."
            " Mend it, or take the face out of the folder."
        )
    if (far := ~(np.abs(points) < FAR).all(-1)).any():  # NaN is not below it
        bad = int(np.flatnonzero(far)[0])
        raise UserError(
            f"{path}: point {bad} (counted from 0) is {points[bad].tolist()}; wanted "
            f"finite numbers below {FAR:.0e}. Mend the file, or take the face out of"
            " the folder."
        )
    for number, point in enumerate(points.tolist()):
        if tuple(point) in UNMARKED:
            raise UserError(
                f"{path}: point {number} (counted from 0) is {point}, which says that"
                " nobody marked it; wanted all. Mark it, or take the face out."
            )
    if count >= 68 and (points[EYES[0]] == points[EYES[1]]).all():
        raise UserError(
            f"{path}: points {EYES[0]} and {EYES[1]} (counted from 0), the outer eye"
            " corners, are in one place. Mend the file, or take the face out."
        )
    return points


def is_mirrored(path: str | pathlib.Path) -> bool:
    """Whether a file is a mirrored copy (`*_mirror.pts`), not to be counted twice."""
    return pathlib.Path(path).stem.endswith("_mirror")


def _row(
    line: str, path: str | pathlib.Path, number: int
) -> tuple[float, float] | None:
    """The point that a line holds; None for header, braces and blank lines."""
    words = line.strip().removeprefix("{").removesuffix("}").split()
    if not words or words[0].startswith("#") or ":" in line:
        return None
    try:
        x, y = map(float, words)
    except ValueError:
        raise UserError(
            f"{path}, line {number}: wanted two numbers 'x y'; got '{line.strip()}'."
        ) from None
    return x, y
