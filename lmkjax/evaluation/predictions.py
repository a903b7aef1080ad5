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
from lmkjax.evaluation import (
    evaluator,
    groups,
    nme,
    plots,
    prediction_files,
    tables,
)
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
    scheme: schemes.Scheme | None = None,
) -> Comparison:
    """Measures predictions on every face of the folders, mirrored copies left out.

    Args:
        file: JSON, see above.
        folders: searched for .pts files, sub-folders included; or with a points.json,
            see `prediction_files.is_truth`.
        first_pixel_centre: where the file counts from: 0, 0.5 (we) or 1 (300-W).
        threshold: of AUC and failure rate, % NME.
        by_turn: also measure groups of faces by how far the head is turned.
        scheme: in which the predictions and the labels are; None = the 68 of iBug,
            which are taken out of schemes that hold them. Without the eyes of the 68
            an NME is in units of the box alone.

    Returns:
        Rows with labels "direct"; of a scheme that was asked for, the test set bears
        its name.

    Raises:
        UserError: a file or folder that is missing or broken, a face without a
            prediction, a name that fits two faces or two names that fit one, another
            scheme or number of points, points without a size, a number that is not
            finite, points that are shares of the image, of mirrored images or counted
            from the bottom.
    """
    own = scheme or prediction_files.IBUG68
    target, pred, faces, unused = _matched(file, folders, own)
    note = prediction_files.plausible(pred, target, file=file, scheme=own)
    pred = points.from_origin(
        jnp.asarray(pred), first_pixel_centre=float(first_pixel_centre)
    )
    test_set = name_of(folders) + (f" {own.name}" if scheme else "")
    subset = own.subset68
    found = evaluator.evaluate(
        lambda images: {"direct": pred},
        [_batch(target)],
        test_set=test_set,
        scheme=own.name,
        eyes=None if subset is None else nme.Eyes.of(subset),
        regions=own.regions,
        threshold=threshold,
    )
    if by_turn:
        eyed = None if subset is None else target[:, subset]
        found.groups = groups.rows(
            found.faces,
            groups.by_turn(eyed, _yaws(folders, faces, own)),
            test_set=test_set,
            points=own.count,
            scheme=own.name,
            threshold=threshold,
        )
    return Comparison(found, [_stem(face) for face in faces], unused, note)


def _matched(
    file: str | pathlib.Path,
    folders: Sequence[str | pathlib.Path],
    scheme: schemes.Scheme,
) -> tuple[np.ndarray, np.ndarray, list[str], int]:
    """True and predicted points of the faces, these, and how many are not asked for."""
    given, without = prediction_files.read(file, scheme=scheme)
    faces = truth(folders, scheme=scheme)
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
    if not np.ptp(target, axis=1).prod(-1).any():
        raise UserError(
            f"{_words(folders)}: the {scheme.count} points of '{scheme.name}' lie in"
            " one place or row, so that there is no length to measure errors by. Add"
            " curves to the scheme."
        )
    return target, pred, list(faces), len(given) + len(without) - len(faces)


def run(
    file: str | pathlib.Path,
    folders: Sequence[str | pathlib.Path],
    *,
    first_pixel_centre: float = 0.5,
    threshold: float = nme.FAILURE,
    by_turn: bool = False,
    scheme: Sequence[str] = (),
    out: str | pathlib.Path | None = None,
) -> list[Comparison]:
    """Compares, prints the tables and, with `out`, writes them and the error curve.

    Args:
        file: JSON, see above.
        folders: of .pts files.
        first_pixel_centre: where the file counts from: 0, 0.5 (we) or 1 (300-W).
        threshold: of AUC and failure rate, % NME.
        by_turn: also measure groups of faces by how far the head is turned.
        scheme: names or files of those to measure in, one after the other; none = the
            68 of iBug.
        out: a folder for `results.*` and `curve.png`, new or of an earlier report.

    Raises:
        UserError: as `compare`; or `out` holds other things.
    """
    if out is not None:
        tables.refuse_strangers(pathlib.Path(out), beside=[CURVE])
    asked = tuple(map(schemes.get, scheme)) or (None,)
    found = [
        compare(
            file,
            folders,
            first_pixel_centre=first_pixel_centre,
            threshold=threshold,
            by_turn=by_turn,
            scheme=own,
        )
        for own in asked
    ]
    every, test_set = [one.evaluation for one in found], name_of(folders)
    rows = [row for one in every for row in one.rows]
    grouped = [row for one in every for row in one.groups]
    tables.show(rows, grouped)
    if found[0].unused:
        print(f"{found[0].unused} more predictions in {file} belong to no .pts file.")
    for note in dict.fromkeys(one.note for one in found if one.note):
        print(f"{file}: {note}")
    if out is not None:
        provenance = tables.Provenance(
            command=tables.command(),
            hardware=tables.hardware(),
            seed=None,
            commit=tables.commit(),
            data=f"predictions of {pathlib.Path(file).name} on {test_set}",
        )
        tables.write(out, rows, provenance, grouped)
        by = (
            "ocular" if all(len(e.errors["direct", "ocular"]) for e in every) else "box"
        )
        curves = {
            own.name if own and len(asked) > 1 else "direct": one.errors["direct", by]
            for own, one in zip(asked, every, strict=True)
        }
        path = pathlib.Path(out) / CURVE
        plots.write_curves(path, curves, title=test_set, normaliser=by)
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


def truth(
    folders: Sequence[str | pathlib.Path],
    *,
    scheme: schemes.Scheme = prediction_files.IBUG68,
) -> dict[str, np.ndarray]:
    """The true points in a scheme of every face by its file, float32 [k, 2].

    Raises:
        UserError: a folder is missing, holds neither .pts files nor a points.json of
            the truth, or one of them cannot be read.
    """
    faces: dict[str, np.ndarray] = {}
    for folder in map(pathlib.Path, folders):
        drawn = folder / prediction_files.POINTS
        if drawn.is_file() and prediction_files.is_truth(drawn):
            given, _ = prediction_files.read(drawn, scheme=scheme)
            faces |= {str(folder.resolve() / name): own for name, own in given.items()}
        else:
            own = find([folder])
            faces |= {str(file): pts.read(file, count=scheme.count) for file in own}
    return faces


def _yaws(
    folders: Sequence[str | pathlib.Path],
    faces: Collection[str],
    scheme: schemes.Scheme,
) -> np.ndarray | None:
    """The yaw of every face, degrees; None where not all of them are known."""
    known = {}
    for folder in map(pathlib.Path, folders):
        drawn = folder / prediction_files.POINTS
        if drawn.is_file():
            own = prediction_files.yaws(drawn)
            known |= {str(folder.resolve() / name): yaw for name, yaw in own.items()}
    if not all(face in known for face in faces):
        if scheme.subset68 is None:
            raise UserError(
                "--by-turn wants faces that `lmkjax render` drew, whose yaw is known,"
                f" or the 68 iBug points, which '{scheme.name}' does not hold."
            )
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
