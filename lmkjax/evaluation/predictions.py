"""Predictions of any system, from a JSON file, held against folders of .pts files.

The file maps an image's name to its 68 points, [[x, y], ...], or to
{"points": [[x, y], ...]}, as our own `points.json` does. A name may bear an extension
and as many sub-folders as it takes to be unique.
"""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from lmkjax.errors import UserError
from lmkjax.evaluation import evaluator, plots, tables
from lmkjax.landmarks import points, pts, schemes
from lmkjax.types import Batch

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pts")
COMMON = {"helen/testset", "lfpw/testset"}
"""The folders that 300-W's common test set is made of."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        evaluation: its rows, and the errors of single faces.
        names: of the faces, in order: the .pts files without ending.
        unused: how many predictions no .pts file asked for.
    """

    evaluation: evaluator.Evaluation
    names: list[str]
    unused: int


def compare(
    file: str | pathlib.Path,
    folders: Sequence[str | pathlib.Path],
    *,
    first_pixel_centre: float = 0.5,
    threshold: float = 8.0,
) -> Comparison:
    """Measures predictions on every face of the folders, mirrored copies left out.

    Args:
        file: JSON, see above.
        folders: searched for .pts files, sub-folders included.
        first_pixel_centre: where the file counts from: 0, 0.5 (we) or 1 (300-W).
        threshold: of AUC and failure rate, % NME.

    Returns:
        Rows with labels "direct".

    Raises:
        UserError: a file or folder that is missing or broken, a face without a
            prediction, a name that fits two faces or two names that fit one, another
            number of points than 68, a number that is not finite.
    """
    given = read(file)
    faces = find(folders)
    chosen = _match(given, faces, file)
    missing = [face for face in faces if face not in chosen]
    if missing:
        raise UserError(
            f"{file}: wanted a prediction for each of the {len(faces)} faces in"
            f" {_words(folders)}; {len(missing)} are missing, the first is"
            f" '{missing[0].with_suffix('')}'; the file's first name is"
            f" '{next(iter(given))}'. Add them, or give --data the folders that were"
            " predicted."
        )
    pred = jnp.asarray(np.stack([given[chosen[face]] for face in faces]))
    pred = points.from_origin(pred, first_pixel_centre=float(first_pixel_centre))
    target = np.stack([pts.read(face) for face in faces])
    batch = _batch(target)
    evaluation = evaluator.evaluate(
        lambda images: {"direct": pred},
        [batch],
        test_set=name_of(folders),
        regions=schemes.get("ibug68").regions,
        threshold=threshold,
    )
    names = [str(face.with_suffix("")) for face in faces]
    return Comparison(evaluation, names, len(given) - len(faces))


def run(
    file: str | pathlib.Path,
    folders: Sequence[str | pathlib.Path],
    *,
    first_pixel_centre: float = 0.5,
    threshold: float = 8.0,
    out: str | pathlib.Path | None = None,
) -> Comparison:
    """Compares, prints the tables and, with `out`, writes them and the error curve.

    Args:
        file: JSON, see above.
        folders: of .pts files.
        first_pixel_centre: where the file counts from: 0, 0.5 (we) or 1 (300-W).
        threshold: of AUC and failure rate, % NME.
        out: a folder for `results.*` and `curve.png`.
    """
    found = compare(
        file, folders, first_pixel_centre=first_pixel_centre, threshold=threshold
    )
    rows, test_set = found.evaluation.rows, name_of(folders)
    tables.show(rows)
    if found.unused:
        print(f"{found.unused} more predictions in {file} belong to no .pts file.")
    if out is not None:
        provenance = tables.Provenance(
            command=tables.command(),
            hardware=tables.hardware(),
            seed=None,
            commit=tables.commit(),
            data=f"predictions of {pathlib.Path(file).name} on {test_set}",
        )
        tables.write(out, rows, provenance)
        curves = {"direct": found.evaluation.errors["direct", "ocular"]}
        plots.write_curves(pathlib.Path(out) / "curve.png", curves, title=test_set)
    return found


def read(file: str | pathlib.Path) -> dict[str, np.ndarray]:
    """The points of every image in a file of predictions, float32 [68, 2].

    Raises:
        UserError: the file is missing, is not as described above, or names an image
            twice.
    """
    try:
        text = pathlib.Path(file).read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=_without_doubles)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file}: wanted a JSON file of image names to points; {error}."
        ) from None
    if not isinstance(content, dict) or not content:
        raise UserError(
            f'{file}: wanted {{"image": [[x, y], ...], ...}};'
            f" got {'nothing in it' if content == {} else type(content).__name__}."
        )
    return {name: _points(value, name, file) for name, value in content.items()}


def find(folders: Sequence[str | pathlib.Path]) -> list[pathlib.Path]:
    """All .pts files of the folders and their sub-folders but for mirrored copies.

    Raises:
        UserError: a folder is missing or has none.
    """
    found: dict[pathlib.Path, None] = {}
    for folder in map(pathlib.Path, folders):
        if not folder.is_dir():
            raise UserError(f"Wanted a folder of .pts files; there is no '{folder}'.")
        own = sorted(f for f in folder.rglob("*.pts") if not pts.is_mirrored(f))
        if not own:
            raise UserError(f"Wanted .pts files in '{folder}'; found none.")
        found |= dict.fromkeys(file.resolve() for file in own)
    return list(found)


def name_of(folders: Sequence[str | pathlib.Path]) -> str:
    """What a table calls the faces of some folders: "common" for 300-W's."""
    names = []
    for folder in map(pathlib.Path, folders):
        parts = folder.resolve().parts
        generic = parts[-1] in ("testset", "trainset")
        names.append("/".join(parts[-2:] if generic else parts[-1:]))
    return "common" if set(names) == COMMON else " + ".join(names)


def _match(
    given: Mapping[str, Any], faces: Sequence[pathlib.Path], file: str | pathlib.Path
) -> dict[pathlib.Path, str]:
    """From each face to the name that the file has for it."""
    by_stem = collections.defaultdict(list)
    for face in faces:
        by_stem[face.stem].append(face)
    chosen: dict[pathlib.Path, str] = {}
    for name in given:
        parts = _parts(name)
        ours = [f for f in by_stem[parts[-1]] if _ends(f, parts)]
        if len(ours) > 1:
            raise UserError(
                f"{file}: '{name}' fits {ours[0]} and {ours[1]}; write the sub-folder"
                f" too, as in '{ours[0].parent.name}/{name}'."
            )
        if ours and ours[0] in chosen:
            raise UserError(
                f"{file}: '{chosen[ours[0]]}' and '{name}' both fit {ours[0]};"
                " keep one of them."
            )
        chosen |= {face: name for face in ours}
    return chosen


def _parts(name: str) -> tuple[str, ...]:
    """The parts of an image's name, the last one without the ending of an image."""
    path = pathlib.PurePosixPath(name.replace("\\", "/"))
    known = path.suffix.lower() in ENDINGS  # "a.b" may be a name without ending
    path = path.with_suffix("") if known else path
    return tuple(p for p in path.parts if p not in ("/", "..")) or ("",)


def _ends(face: pathlib.Path, parts: tuple[str, ...]) -> bool:
    """Whether a face's path ends in these parts."""
    return face.with_suffix("").parts[-len(parts) :] == parts


def _points(value: Any, name: str, file: str | pathlib.Path) -> np.ndarray:
    """The 68 points that a file gives for an image."""
    value = value.get("points") if isinstance(value, dict) else value
    try:
        found = np.array(value, np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (68, 2):
        came = f"{len(value)} entries" if isinstance(value, list) else repr(value)[:40]
        raise UserError(
            f"{file}: '{name}' wants 68 points [x, y]; got {came}. (`lmkjax predict"
            " --scheme ibug68` writes 68.)"
        )
    if not np.isfinite(found).all():
        bad = int(np.flatnonzero(~np.isfinite(found).all(-1))[0])
        raise UserError(
            f"{file}: '{name}', point {bad} (counted from 0) is {found[bad].tolist()};"
            " wanted finite numbers."
        )
    return found.astype(np.float32)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict; a name that comes twice is refused."""
    content = dict(pairs)
    if len(content) < len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        raise ValueError(f"'{counts.most_common(1)[0][0]}' stands in it twice")
    return content


def _batch(target: np.ndarray) -> Batch:
    """Faces as points alone; their pictures are one pixel each."""
    return Batch(
        image=np.zeros((len(target), 1, 1, 3), np.uint8),
        points=target,
        visible=np.ones(target.shape[:2], bool),
        box=np.concatenate([target.min(1), target.max(1)], -1),
        mask=np.ones(len(target), bool),
    )


def _words(folders: Sequence[str | pathlib.Path]) -> str:
    return ", ".join(f"'{folder}'" for folder in folders)
