"""Predictions of any system, from a JSON file, held against folders of .pts files.

For the file see `prediction_files.read`. A name may bear an extension and as many
sub-folders as it takes to be unique.
"""

import dataclasses
import pathlib
from collections.abc import Collection, Sequence

import jax.numpy as jnp
import numpy as np

from lmkjax.errors import UserError
from lmkjax.evaluation import evaluator, groups, nme, plots, prediction_files, tables
from lmkjax.images import finding, names
from lmkjax.landmarks import points, pts, schemes
from lmkjax.types import UNKNOWN, Batch

COMMON = {"helen/testset", "lfpw/testset"}
"""The folders that 300-W's common test set is made of."""
CURVE = "curve.png"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        evaluation: its rows, and the errors of single faces; if asked, of groups by
            how far the head is turned.
        names: of the faces, in order: the .pts files, or pictures, without ending.
        unused: how many predictions no .pts file asked for.
        note: where they seem to be in pixels of other pictures, a line that says so.
    """

    evaluation: evaluator.Evaluation
    names: list[str]
    unused: int
    note: str = ""


def compare(
    file: str | pathlib.Path,
    folders: Sequence[str | pathlib.Path],
    *,
    first_pixel_centre: float = 0.5,
    threshold: float = nme.FAILURE,
    by_turn: bool = False,
) -> Comparison:
    """Measures predictions on every face of the folders, mirrored copies left out.

    Args:
        file: JSON, see above.
        folders: searched for .pts files, sub-folders included; or with a points.json,
            see `prediction_files.is_truth`.
        first_pixel_centre: where the file counts from: 0, 0.5 (we) or 1 (300-W).
        threshold: of AUC and failure rate, % NME.
        by_turn: also measure groups of faces by how far the head is turned.

    Returns:
        Rows with labels "direct".

    Raises:
        UserError: a file or folder that is missing or broken, a face without a
            prediction, a name that fits two faces or two names that fit one, another
            number of points than 68, a number that is not finite, points that are
            shares of the image, of mirrored images or counted from the bottom.
    """
    given, without = prediction_files.read(file)
    faces = truth(folders)
    chosen = names.match([*given, *without], faces, file=file)
    missing = [face for face in faces if chosen.get(face) not in given]
    if missing:
        why = without.get(chosen.get(missing[0], ""))
        raise UserError(
            f"{file}: wanted a prediction for each of the {len(faces)} faces in"
            f" {_words(folders)}; {len(missing)} are missing, the first is"
            f" '{_stem(missing[0])}'{f' ({why})' if why else ''}; the file's first name"
            f" is '{next(iter([*given, *without]))}'. Add them, or give --data the"
            " folders that were predicted."
        )
    target = np.stack(list(faces.values()))
    pred = np.stack([given[chosen[face]] for face in faces])
    _refuse_shares(pred, target, file)
    pred = points.from_origin(
        jnp.asarray(pred), first_pixel_centre=float(first_pixel_centre)
    )
    across, down = _alike(np.asarray(pred), target)
    _refuse_mirrored(across, down, file)
    note = _elsewhere(np.asarray(pred), target) if min(across, down) > 0.8 else ""
    test_set = name_of(folders)
    found = evaluator.evaluate(
        lambda images: {"direct": pred},
        [_batch(target)],
        test_set=test_set,
        regions=schemes.get("ibug68").regions,
        threshold=threshold,
    )
    if by_turn:
        found.groups = groups.rows(
            found.faces,
            groups.by_turn(target, _yaws(folders, faces)),
            test_set=test_set,
            points=target.shape[1],
            scheme="ibug68",
            threshold=threshold,
        )
    unused = len(given) + len(without) - len(faces)
    return Comparison(found, [_stem(face) for face in faces], unused, note)


def run(
    file: str | pathlib.Path,
    folders: Sequence[str | pathlib.Path],
    *,
    first_pixel_centre: float = 0.5,
    threshold: float = nme.FAILURE,
    by_turn: bool = False,
    out: str | pathlib.Path | None = None,
) -> Comparison:
    """Compares, prints the tables and, with `out`, writes them and the error curve.

    Args:
        file: JSON, see above.
        folders: of .pts files.
        first_pixel_centre: where the file counts from: 0, 0.5 (we) or 1 (300-W).
        threshold: of AUC and failure rate, % NME.
        by_turn: also measure groups of faces by how far the head is turned.
        out: a folder for `results.*` and `curve.png`, new or of an earlier report.

    Raises:
        UserError: as `compare`; or `out` holds other things.
    """
    if out is not None:
        tables.refuse_strangers(pathlib.Path(out), beside=[CURVE])
    found = compare(
        file,
        folders,
        first_pixel_centre=first_pixel_centre,
        threshold=threshold,
        by_turn=by_turn,
    )
    rows, test_set = found.evaluation.rows, name_of(folders)
    tables.show(rows, found.evaluation.groups)
    if found.unused:
        print(f"{found.unused} more predictions in {file} belong to no .pts file.")
    if found.note:
        print(f"{file}: {found.note}")
    if out is not None:
        provenance = tables.Provenance(
            command=tables.command(),
            hardware=tables.hardware(),
            seed=None,
            commit=tables.commit(),
            data=f"predictions of {pathlib.Path(file).name} on {test_set}",
        )
        tables.write(out, rows, provenance, found.evaluation.groups)
        curves = {"direct": found.evaluation.errors["direct", "ocular"]}
        plots.write_curves(pathlib.Path(out) / CURVE, curves, title=test_set)
    return found


def find(folders: Sequence[str | pathlib.Path]) -> list[pathlib.Path]:
    """All .pts files of the folders and their sub-folders but for mirrored copies.

    Raises:
        UserError: a folder is missing, has none, or has one that cannot be opened.
    """
    found: dict[pathlib.Path, None] = {}
    for folder in map(pathlib.Path, folders):
        if not folder.is_dir():
            raise UserError(f"Wanted a folder of .pts files; there is no '{folder}'.")
        own = sorted(
            file
            for file in finding.walk(folder)
            if file.suffix.lower() == ".pts"
            and not pts.is_mirrored(file)
            and not file.name.startswith("._")  # macOS's notes on other files
        )
        if not own:
            raise UserError(f"Wanted .pts files in '{folder}'; found none.")
        found |= dict.fromkeys(file.resolve() for file in own)
    return list(found)


def truth(folders: Sequence[str | pathlib.Path]) -> dict[str, np.ndarray]:
    """The true points of every face by its file, float32 [68, 2].

    Raises:
        UserError: a folder is missing, holds neither .pts files nor a points.json of
            the truth, or one of them cannot be read.
    """
    faces: dict[str, np.ndarray] = {}
    for folder in map(pathlib.Path, folders):
        drawn = folder / prediction_files.POINTS
        if drawn.is_file() and prediction_files.is_truth(drawn):
            given, _ = prediction_files.read(drawn)
            faces |= {str(folder.resolve() / name): own for name, own in given.items()}
        else:
            faces |= {str(file): pts.read(file) for file in find([folder])}
    return faces


def _yaws(
    folders: Sequence[str | pathlib.Path], faces: Collection[str]
) -> np.ndarray | None:
    """The yaw of every face, degrees; None where not all of them are known."""
    known = {}
    for folder in map(pathlib.Path, folders):
        drawn = folder / prediction_files.POINTS
        if drawn.is_file():
            own = prediction_files.yaws(drawn)
            known |= {str(folder.resolve() / name): yaw for name, yaw in own.items()}
    if not all(face in known for face in faces):
        return None
    return np.array([known[face] for face in faces], np.float64)


def name_of(folders: Sequence[str | pathlib.Path]) -> str:
    """What a table calls the faces of some folders: "common" for 300-W's."""
    names = []
    for folder in map(pathlib.Path, folders):
        parts = folder.resolve().parts
        generic = parts[-1] in ("testset", "trainset")
        names.append("/".join(parts[-2:] if generic else parts[-1:]))
    return "common" if set(names) == COMMON else " + ".join(names)


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


def _alike(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The correlation of the points' x and y with the truth's, medians [2]."""
    pred, target = (p - p.mean(1, keepdims=True) for p in (pred, target))
    spread = np.sqrt((pred**2).sum(1) * (target**2).sum(1))
    alike = (pred * target).sum(1) / np.maximum(spread, 1e-6)
    return np.median(alike, axis=0)


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


def _refuse_mirrored(across: float, down: float, file: str | pathlib.Path) -> None:
    """Refuses points whose left and right, or up and down, are exchanged."""
    if across < -0.5:
        raise UserError(
            f"{file}: wanted the 68 points in iBug's order, the first on the image's"
            f" left; left and right are exchanged (correlation {across:.2f}). Was the"
            " image mirrored? Then its x are width - x, and their order is"
            " lmkjax.landmarks.schemes.get('ibug68').mirror; were the points alone"
            " put into another order, that order is all."
        )
    if down < -0.5:
        raise UserError(
            f"{file}: wanted y counted from the top; it seems to be counted from the"
            f" bottom (correlation {down:.2f}). Then give height - y."
        )


def _batch(target: np.ndarray) -> Batch:
    """Faces as points alone; their pictures are one pixel each."""
    return Batch(
        image=np.zeros((len(target), 1, 1, 3), np.uint8),
        points=target,
        visibility=np.full(target.shape[:2], UNKNOWN, np.int8),
        box=points.box(target),
        mask=np.ones(len(target), bool),
    )


def _words(folders: Sequence[str | pathlib.Path]) -> str:
    return ", ".join(f"'{folder}'" for folder in folders)


def _stem(face: str) -> str:
    return str(pathlib.Path(face).with_suffix(""))
