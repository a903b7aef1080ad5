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
IBUG68 = schemes.get("ibug68")


def read(
    file: str | pathlib.Path, *, scheme: schemes.Scheme = IBUG68
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The points of every image in a file of predictions.

    Args:
        file: JSON of an image's name to its points, [[x, y], ...], or to
            {"points": [[x, y], ...]}, as `predict` writes it, or what `render` wrote.
            Where "scheme" names one (or a file of one) and the 68 of iBug are wanted,
            those of it are taken; of several faces that `predict` found, the largest
            one's.
        scheme: of the points that are wanted.

    Returns:
        By the images' names float32 [k, 2]; and why others have none: null, or
        {"error": why}.

    Raises:
        UserError: the file is missing, is not as described above, is of another
            scheme, or names an image twice.
    """
    content = files.read_json(file, what="[[x, y], ...]")
    told, known = None, functools.cache(_known)
    if _is_render(content):
        told, content = content["scheme"], content["faces"]
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
            entry = _chosen(entry, name, file)
            entry["scheme"] = entry.get("scheme") or told
            given[name] = _points(entry, scheme, known, f"{file}: '{name}'")
    return given, without


def plausible(
    pred: np.ndarray,
    target: np.ndarray,
    *,
    file: str | pathlib.Path,
    scheme: schemes.Scheme,
) -> str:
    """Refuses what cannot be, and tells what hardly can.

    Args:
        pred: predicted points [n k 2], pixels.
        target: the true ones.
        file: where the predictions stand, for messages.
        scheme: of the points.

    Returns:
        Where they seem to be in pixels of other pictures, or in another order, a line
        that says so.

    Raises:
        UserError: they are shares of the image, of mirrored images, counted from the
            bottom or given as [y, x].
    """
    _refuse_shares(pred, target, file)
    across, down, both = _alike(pred, target)
    if both < 0.5 and _alike(pred[..., ::-1], target)[2] > 0.8:
        raise UserError(f"{file}: wanted points as [x, y]; they seem to be [y, x].")
    _refuse_mirrored(across, down, file, scheme)
    if both < 0.5:
        return (
            f"the points have not the truth's shape (correlation {both:.2f}, median)."
            f" Wanted them in the order of '{scheme.name}', of the photo that they are"
            " called after; is either another?"
        )
    return _elsewhere(pred, target) if both > 0.8 else ""


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


def _chosen(
    entry: dict[str, Any], name: str, file: str | pathlib.Path
) -> dict[str, Any]:
    """What a file says of that face of an image which is measured."""
    faces = entry.get("faces")
    if isinstance(faces, list) and not all(isinstance(face, dict) for face in faces):
        raise UserError(
            f"{file}: the faces of '{name}' want to be {{'points': [[x, y], ...]}}"
            f" each; got {str(faces)[:40]}."
        )
    if isinstance(faces, list) and len(faces) > 1 and all("score" in f for f in faces):
        # Found by `predict`, which was told of none; the photo's is the largest.
        faces = [max(faces, key=lambda face: _area(face, name, file))]
    if isinstance(faces, list) and len(faces) != 1:
        raise UserError(
            f"{file}: '{name}' has {len(faces)} faces; wanted the one that is"
            " measured. Predict it with its box alone."
        )
    own = entry | faces[0] if isinstance(faces, list) else entry
    return {key: value for key, value in own.items() if key != "faces"}


def _points(
    entry: dict[str, Any],
    wanted: schemes.Scheme,
    known: Callable[[str], schemes.Scheme | None],
    where: str,
) -> np.ndarray:
    """The points, float32 [k, 2], that a file gives for a face."""
    if "points" not in entry:
        told = ", ".join(repr(key) for key in entry if key != "scheme")
        raise UserError(
            f"{where} wants {wanted.count} points [x, y] as 'points'; got"
            f" {told[:80] or 'nothing'}."
        )
    value, said = entry["points"], entry["scheme"]
    try:
        found = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.zeros(0)
    if isinstance(said, str):
        found = _of_scheme(found, said, known(said), wanted, where)
    if found.shape != (wanted.count, 2):
        raise UserError(
            f"{where} wants {wanted.count} points [x, y]; got"
            f" {_came(found, value, wanted)}."
        )
    if (far := ~(np.abs(found) < pts.FAR).all(-1)).any():  # NaN is not below it
        bad = int(np.flatnonzero(far)[0])
        raise UserError(
            f"{where}, point {bad} (counted from 0) is {found[bad].tolist()};"
            f" wanted finite numbers below {pts.FAR:.0e}."
        )
    return found.astype(np.float32)


def _of_scheme(
    found: np.ndarray,
    said: str,
    own: schemes.Scheme | None,
    wanted: schemes.Scheme,
    where: str,
) -> np.ndarray:
    """Of points in the scheme that a file names, those that are wanted."""
    known = own is not None  # else, as where its file is elsewhere, by its name
    if own == wanted or (not known and wanted.name in (said, pathlib.Path(said).stem)):
        return found
    subset = own.subset68 if known and wanted == IBUG68 else None
    if subset is not None and found.shape == (own.count, 2):
        return found[subset]
    if subset is None and found.shape == (wanted.count, 2):
        theirs = "iBug's" if wanted == IBUG68 else f"those of '{wanted.name}'"
        raise UserError(
            f"{where} has {wanted.count} points of the scheme '{said}', and nobody"
            f" knows that they are {theirs}. If they are, leave out what it says of a"
            " scheme."
        )
    return found


def _known(scheme: str) -> schemes.Scheme | None:
    """A scheme by its name, or its file; None = nobody knows it."""
    try:
        return schemes.get(scheme)
    except UserError:
        return None


def _area(face: dict[str, Any], name: str, file: str | pathlib.Path) -> float:
    try:
        left, top, right, bottom = map(float, face["box"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{file}: '{name}' has several faces; wanted a box [left, top, right,"
            f" bottom] of each, to take the largest; got {face.get('box')!r}."
        ) from None
    return (right - left) * (bottom - top)


def _came(found: np.ndarray, value: Any, wanted: schemes.Scheme) -> str:
    """What a file has in place of the points, and what would do."""
    count = wanted.count
    if found.shape == (count, 3):
        return f"{count} points [x, y, z] or [x, y, score]; leave the third number out"
    if found.shape == (2 * count,):
        return (
            f"{2 * count} numbers in a row; pair them, as numpy's reshape({count}, 2)"
            " does"
        )
    if found.shape == (2, count):
        return f"{count} x and {count} y; pair them, as numpy's transpose does"
    if found.shape[1:] == (count, 2):
        return f"a list of {len(found)} faces of {count} points; leave one"
    if found.ndim == 2 and found.shape[1] == 2:
        return (
            f"{len(found)}; other schemes' points have other places (`lmkjax predict"
            f" --scheme {_asked_as(wanted)}` writes {count}; `lmkjax evaluate --scheme"
            " S` measures in another, where the labels are in it too)"
        )
    if isinstance(value, list):
        odd = [v for v in value if not (isinstance(v, list) and len(v) == 2)] or value
        return f"{len(value)} entries, such as {str(odd[:1])[1:40]}"
    return repr(value)[:40]


def _asked_as(scheme: schemes.Scheme) -> str:
    """What commands take for a scheme: its name, or its file."""
    return scheme.name + ("" if scheme.name in schemes.SCHEMES else ".yaml")


def _refuse_shares(
    pred: np.ndarray, target: np.ndarray, file: str | pathlib.Path
) -> None:
    """Refuses points that are shares of the image, or of half of it."""
    large = np.abs(pred).max()
    if large <= 1.5 and np.ptp(target, axis=1).min() > 8:
        raise UserError(
            f"{file}: wanted points in pixels; no number is above {large:.3g}, as in"
            " shares of an image. Multiply them by its width and height."
        )


def _alike(pred: np.ndarray, target: np.ndarray) -> tuple[float, float, float]:
    """How the points' x, their y and both correlate with the truth's, medians.

    An axis along which the truth hardly reaches, as of a nose's bridge, says little:
    its correlation is taken for less. Points in one place have none: NaN.
    """
    pred, target = (p - p.mean(1, keepdims=True) for p in (pred, target))
    own, common = (pred * target).sum(1), [(p**2).sum(1) for p in (pred, target)]
    reach = np.maximum(common[1].sum(-1, keepdims=True), 1e-6)
    axes = own / np.maximum(np.sqrt(common[0] * common[1]), 0.05 * reach)
    whole = np.sqrt(common[0].sum(-1) * common[1].sum(-1))
    both = np.where(reach[:, 0] > 1e-6, own.sum(-1) / np.maximum(whole, 1e-6), np.nan)
    return (*np.median(axes, axis=0), np.median(both))


def _elsewhere(pred: np.ndarray, target: np.ndarray) -> str:
    """What is told of faces that have the truth's shape, but not its place or size."""
    wide = np.maximum(np.ptp(target, axis=1).max(-1), 1e-6)
    size = np.median(np.ptp(pred, axis=1).max(-1) / wide)
    away = np.linalg.norm(pred.mean(1) - target.mean(1), axis=-1) / wide
    if 0.6 < size < 1.7 and np.median(away) < 0.3:
        return ""
    return (
        f"the faces have the right shape, but are {size:.2g} times as large as the"
        f" truth's and lie {np.median(away):.2g} faces away from it (medians). Wanted"
        " pixels of the photos; are these in % or in pixels of a crop or of a resized"
        " photo?"
    )


def _refuse_mirrored(
    across: float, down: float, file: str | pathlib.Path, scheme: schemes.Scheme
) -> None:
    """Refuses points whose left and right, or up and down, are exchanged."""
    if across < -0.5:
        raise UserError(
            f"{file}: wanted the {scheme.count} points in the order of '{scheme.name}',"
            " the subject's right on the image's left; left and right are exchanged"
            f" (correlation {across:.2f}). Was the image mirrored? Then its x are width"
            f" - x, and their order is lmkjax.scheme('{_asked_as(scheme)}').mirror;"
            " were the points alone put into another order, that order is all."
        )
    if down < -0.5:
        raise UserError(
            f"{file}: wanted y counted from the top; it seems to be counted from the"
            f" bottom (correlation {down:.2f}). Then give height - y."
        )
