"""Program: measures how well faces are followed through rendered clips.

lmkjax render --clip --count 100 --size 256 --scheme dense490 --seed 1 --out clip1
python -m lmkjax.video.steadiness clip1
"""

import pathlib
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from lmkjax import cli, files

REACH, STEP = 4.0, 0.05
"""Lags that are tried, in pictures, and the step from one to the next."""
WARM = 4
"""Pictures after which the clock starts: what they need is compiled before."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures what the command line says; returns the exit code."""
    parser = cli.Parser(
        prog="python -m lmkjax.video.steadiness",
        description="Measure how well faces are followed through clips that `lmkjax"
        " render --clip` wrote: NME (% of the distance between the outer eye corners),"
        " jitter (acceleration of the error, in the same unit, per picture squared),"
        " lag in pictures, as found and smoothed; pictures a second.",
    )
    add = parser.add_argument
    add("clips", nargs="+", metavar="FOLDER", help="what `lmkjax render --clip` wrote")
    add("--workdir", metavar="DIR", help="a trained run (default: the shipped weights)")
    options = parser.parse_args(argv)
    folders = [files.local(path, flag="FOLDER") for path in options.clips]

    from lmkjax.detect import detection

    workdir = files.local(options.workdir or detection.shipped(), flag="--workdir")
    detector = detection.Detector.from_checkpoint(workdir, batch=4)
    rows = [_measure(folder, detector) for folder in folders]
    _show(folders, rows)
    return 0


def _measure(folder: pathlib.Path, detector: Any) -> dict[str, Any]:
    """Every number of a clip."""
    import numpy as np

    from lmkjax.studio import gallery
    from lmkjax.video import clips, filming, films, tracking

    truth, _, scheme = clips.truth(folder)
    subset = scheme.subset68
    if subset is None:
        cli.Parser(prog="python -m lmkjax.video.steadiness").error(
            f"'{folder}' is in '{scheme.name}', which has not the eyes that errors are"
            " measured by: render it in dense490 or ibug68"
        )
    eyes = truth[:, subset[36]] - truth[:, subset[45]]
    unit = np.linalg.norm(eyes, axis=-1).max()  # of a profile's it would be nothing
    follow = tracking.Tracker(detector, scheme=scheme.name)
    ways = {name: np.full(truth.shape, np.nan) for name in ("raw", "points")}
    stamps = []
    with films.open_film(folder / gallery.CLIP) as film:
        for number, shot in enumerate(film):
            for face in follow(shot.image, shot.time_s)[:1]:
                for name, points in ways.items():
                    points[number] = getattr(face, name)
            stamps.append(time.perf_counter())
    with (
        tempfile.TemporaryDirectory() as out,
        films.open_film(folder / gallery.CLIP) as film,
    ):
        again = tracking.Tracker(detector, scheme=scheme.name)
        whole = []
        filming.annotate(
            film,
            again,
            pathlib.Path(out) / "found",
            scheme=scheme.name,
            progress=lambda done, of: whole.append(time.perf_counter()),
        )
    row = {"lost": int(np.isnan(ways["raw"]).any((1, 2)).sum())}
    row |= {"faster": _rate(stamps), "whole": _rate(whole)}
    for name, points in ways.items():
        error = (points - truth) / unit * 100
        jitter = np.diff(error, 2, axis=0)
        row[name] = (
            np.nanmean(np.linalg.norm(error, axis=-1)),
            np.nanmean(np.linalg.norm(jitter, axis=-1)),
            lag(points, truth),
        )
    return row


def _rate(stamps: list[float]) -> float:
    first = min(WARM, len(stamps) - 2)
    return (len(stamps) - 1 - first) / max(stamps[-1] - stamps[first], 1e-9)


def lag(points: Any, truth: Any) -> float:
    """How many pictures ago the truth was most like the points.

    A constant offset of a point, which is no lag, counts nothing; pictures without
    points neither. NaN if there are too few.

    Args:
        points: [f, k, 2].
        truth: the same.
    """
    import numpy as np

    count, reach = len(truth), int(np.ceil(REACH)) + 1
    flat, found = truth.reshape(count, -1), points.reshape(count, -1)
    frames = np.arange(reach, count - reach)
    frames = frames[np.isfinite(found[frames]).all(-1)] if len(frames) else frames
    if len(frames) < 2:
        return float("nan")
    tried = np.arange(-REACH, REACH, STEP)
    errors = []
    for late in tried:
        low = np.floor(frames - late).astype(int)
        share = (frames - late - low)[:, None]
        ago = flat[low] * (1 - share) + flat[low + 1] * share
        errors.append((found[frames] - ago).var(0).sum())
    return float(tried[np.argmin(errors)])


def _show(folders: list[pathlib.Path], rows: list[dict[str, Any]]) -> None:
    """Prints the table."""
    from rich import console, table

    columns = ("clip", "points", "NME %", "jitter", "lag", "without a face")
    shown = table.Table(*columns, box=None)
    for folder, row in zip(folders, rows, strict=True):
        for name, called in (("raw", "as found"), ("points", "smoothed")):
            nme, jitter, late = row[name]
            figures = f"{nme:.2f}", f"{jitter:.3f}", f"{late:.2f}"
            shown.add_row(folder.name, called, *figures, str(row["lost"]))
    means = {
        name: [sum(row[name][i] for row in rows) / len(rows) for i in range(3)]
        for name in ("raw", "points")
    }
    for name, called in (("raw", "as found"), ("points", "smoothed")):
        nme, jitter, late = means[name]
        shown.add_row("mean", called, f"{nme:.2f}", f"{jitter:.3f}", f"{late:.2f}", "")
    console.Console(markup=False, emoji=False).print(shown)
    fast, whole = (
        sum(row[name] for row in rows) / len(rows) for name in ("faster", "whole")
    )
    print(
        f"{fast:.0f} pictures a second read and followed, {whole:.0f} with JSON and"
        " overlay written."
    )


if __name__ == "__main__":
    cli.run(main)
