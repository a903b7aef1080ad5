"""How good fitted heads are, against the number of points: on renders, all is known."""

import io
import json
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from lmkjax import cli, files

SCHEMES = ("ibug68", "dense243", "dense460", "dense490", "dense1001")
KINDS = {
    "network": "points as the network finds them, and as unsure as it says",
    "independent": "true points, each moved by chance, as far as the network is unsure",
    "true": "true points",
}
"""What heads are fitted to."""
COLUMNS = {
    "shape_mm": "3D error, mm",
    "as_placed_mm": "as placed, mm",
    "pose_deg": "pose, degrees",
    "yaw_deg": "yaw",
    "pitch_deg": "pitch",
    "roll_deg": "roll",
    "gaze_deg": "gaze",
    "expression": "expression",
    "settled": "settled",
    "ms": "ms per face",
}
PLOTTED = {
    "shape_mm": "3D error, mm",
    "pose_deg": "pose, degrees",
    "gaze_deg": "gaze, degrees",
}
EPILOG = """\
Faces are drawn that no network has seen, their points found, and heads fitted to them.
3D error: mean distance over the vertices of the face (in front of the ears, above the
chin's underside), after the best turn, shift and scale; "as placed": in the head's own
axes, without any, so that size, which one picture hardly tells, counts as well. Pose:
angle of the turn between both heads; yaw, pitch and roll each for itself. Gaze: angle
between the ways that an eye looks, against the line to the camera. Expression: mean
absolute difference of the 53 amounts, 0 to 1. Errors of pose and gaze are medians, the
others means. Of the network's points no more than 40 count (`fits.ALIKE`), as it errs
alike at neighbours; of the others each does.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures as the command line says; returns the exit code."""
    parser = _flags()
    options = parser.parse_args(argv)
    parser.a_seed(options)
    for name in ("faces", "size"):
        parser.at_least(1, options, name)
    out = files.local(options.out, flag="--out")

    from lmkjax.detect import detection
    from lmkjax.experiment.bench import head_errors
    from lmkjax.landmarks import schemes

    ours = ["results.md", "results.json", "points.png", "axes.jpg"]
    with files.folder(out, ours=ours) as new:
        workdir = files.local(options.workdir or detection.shipped(), flag="--workdir")
        detector = detection.Detector.from_checkpoint(
            workdir, flip=options.flip, views=options.views
        )
        wanted = [schemes.get(name) for name in options.scheme]
        faces = head_errors.draw(options.faces, seed=options.seed, size=options.size)
        rows = []
        for scheme in wanted:
            begin = time.monotonic()
            rows += head_errors.rows(detector, faces, scheme, kinds=tuple(KINDS))
            took = time.monotonic() - begin
            print(f"{scheme.name}: {took:.0f} s", file=sys.stderr, flush=True)
        _write(new, rows, head_errors.mean_head(faces), options)
        head_errors.write_axes(new / "axes.jpg", detector, faces)
    print((out / "results.md").read_text())
    return 0


def _flags() -> cli.Parser:
    """The flags."""
    parser = cli.Parser(
        prog="python -m lmkjax.experiment.bench.by_points",
        description=__doc__,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add(
        "--workdir", metavar="DIR", help="a run's folder (default: the shipped weights)"
    )
    add("--flip", action="store_true", help="average with the mirrored picture")
    add("--views", type=int, default=1, metavar="N", help="looks to average, 1 to 8")
    add("--faces", type=int, default=96, metavar="N", help="how many are drawn")
    add("--seed", type=int, default=77, help="of the faces")
    add("--size", type=int, default=192, metavar="PX", help="side of their pictures")
    add("--scheme", nargs="+", default=list(SCHEMES), metavar="S", help="points")
    add("--out", required=True, metavar="DIR", help="a new folder for the results")
    return parser


def _write(
    folder: pathlib.Path,
    rows: list[dict[str, Any]],
    mean: dict[str, float],
    options: Any,
) -> None:
    """Writes the table, the figures and the plot."""
    told = {
        "faces": options.faces,
        "seed": options.seed,
        "size": options.size,
        "flip": options.flip,
        "views": options.views,
        "mean_head": mean,
        "rows": rows,
    }
    files.write(folder / "results.json", json.dumps(told, indent=1) + "\n")
    lines = ["| points | fitted to | " + " | ".join(COLUMNS.values()) + " |"]
    lines.append("|--:|---|" + "--:|" * len(COLUMNS))
    for row in rows:
        values = [_said(name, row[name]) for name in COLUMNS]
        lines.append(f"| {row['points']} | {row['kind']} | {' | '.join(values)} |")
    kinds = "; ".join(f"{kind}: {what}" for kind, what in KINDS.items())
    note = (
        f"The mean head errs by {mean['shape_mm']:.2f} mm; turned as the true one is,"
        f" its eyes by {mean['gaze_deg']:.2f} degrees and its expression by"
        f" {mean['expression']:.3f}. {options.faces} faces, seed {options.seed}."
        f" {kinds}."
    )
    files.write(folder / "results.md", "\n".join([*lines, "", note]) + "\n")
    _plot(folder / "points.png", rows, mean)


def _said(name: str, value: float) -> str:
    digits = {"ms": 0, "expression": 3, "settled": 2}
    return f"{value:.{digits[name] if name in digits else 2}f}"


def _plot(path: pathlib.Path, rows: list[dict[str, Any]], mean: dict) -> None:
    """Draws the errors of shape, pose and gaze against the number of points."""
    import matplotlib.figure

    figure = matplotlib.figure.Figure(figsize=(11, 3.4), layout="constrained")
    drawn = dict(zip(PLOTTED, figure.subplots(1, len(PLOTTED)), strict=True))
    counts = sorted({row["points"] for row in rows})
    after = [*counts[1:], float("inf")]
    for name, axes in drawn.items():
        for kind in KINDS:
            own = sorted((r["points"], r[name]) for r in rows if r["kind"] == kind)
            axes.plot(*zip(*own, strict=True), marker="o", label=kind)
        axes.set(xscale="log", xlabel="points", ylabel=PLOTTED[name])
        # A number close below the next one stands as a line without a name.
        named = [n if b > 1.2 * n else "" for n, b in zip(counts, after, strict=True)]
        axes.set_xticks(counts, named)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        if name in mean:
            axes.axhline(mean[name], color="#8c8c8c", linestyle=":", label="mean head")
        axes.set_ylim(bottom=0)
    handles = drawn["shape_mm"].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    files.write(path, png.getvalue())


if __name__ == "__main__":
    cli.run(main)
