"""Measures how good landmarks are: of a trained run, or of any system's predictions."""

import argparse
from collections.abc import Callable, Sequence

from lmkjax import cli, files

EPILOG = """\
examples:
  python -m lmkjax.evaluate --workdir runs/daln
  python -m lmkjax.evaluate --workdir lmkjax/detect/weights/landmarks \\
      --test-set common --ibug-300w 300w
  python -m lmkjax.evaluate --workdir runs/daln --test-set synthetic \\
      --scheme ibug68 dense490 dense1001 --out card
  python -m lmkjax.evaluate --predictions theirs.json \\
      --data 300w/helen/testset 300w/lfpw/testset --first-pixel-centre 0
  python -m lmkjax.evaluate --predictions found/points.json --data drawn \\
      --scheme mine.yaml

--predictions is a JSON of image name to 68 points, {"a.jpg": [[x, y], ...], ...} or
{"a.jpg": {"points": [[x, y], ...]}, ...} (so our own points.json will do), or to those
of the --scheme that is given, as the labels are. A name may go without its ending, and
with as many sub-folders as make it unique. Every .pts file below --data needs a
prediction; mirrored copies (*_mirror.pts) are left out. The .pts files count as 300-W's
do, whose first pixel has its centre at (1, 1). A folder that `lmkjax render` wrote will
do for --data, and its points.json for --predictions; so will a folder of pictures with
a points.json of plain lists, {"a.jpg": [[x, y], ...], ...}.

NME is the mean distance to the truth in % of a length of the face: between the outer
corners of the eyes (ocular), between the pupils (pupil), or sqrt(width * height) of the
box of the true points (box). auc_08 is the area under the curve of cumulative errors up
to 8 %, as a share of 1; fr_08 is the share of faces above 8 %. Of a run also by groups:
rendered faces by yaw, skin and age, photos by how far the nose's tip is off the middle.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measures what the command line says; returns the exit code."""
    parser = _flags()
    options = parser.parse_args(argv)
    _refuse_what_does_not_go_together(parser, options)
    out = options.out and files.local(options.out, flag="--out")
    if options.predictions:
        from lmkjax.evaluation import predictions

        asked = ("first_pixel_centre", "threshold")
        given = {n: v for n in asked if (v := getattr(options, n)) is not None}
        predictions.run(
            files.local(options.predictions, flag="--predictions"),
            [files.local(folder, flag="--data") for folder in options.data],
            by_turn=options.by_turn,
            scheme=options.scheme or (),
            out=out,
            **given,
        )
    else:
        from lmkjax.experiment import run

        photos = options.ibug_300w
        run.evaluate(
            files.local(options.workdir, flag="--workdir"),
            test_sets=options.test_set,
            threshold=options.threshold,
            photos=photos and files.local(photos, flag="--ibug-300w"),
            flip=options.flip,
            views=options.views,
            out=out,
            best=options.best,
            batch=options.batch,
            labelled=options.target_faces,
            seed=options.seed,
            asked=options.scheme or (),
        )
    return 0


def _flags() -> cli.Parser:
    """The flags."""
    parser = cli.Parser(
        prog="lmkjax evaluate",
        description=__doc__,
        epilog=EPILOG,
    )
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--workdir", metavar="DIR", help="a trained run's folder")
    what.add_argument(
        "--predictions", metavar="FILE", help="JSON of image name to points"
    )
    _add_of_a_run(add)
    _add_of_predictions(add)
    add(
        "--threshold",
        type=float,
        metavar="PERCENT",
        help="NME up to which the area goes and above which a face has failed (default:"
        " as the run did; of predictions 8)",
    )
    add(
        "--out",
        metavar="DIR",
        help="also write results.json, results.md, results.csv and the error curve into"
        " a new folder, or in place of an earlier report; of a run also adapter.npz,"
        " which --config.data.adapter takes",
    )
    add(
        "--scheme",
        nargs="+",
        metavar="S",
        help="in which schemes rendered test faces of a run (default: the run's), or"
        " predictions (default: ibug68), are measured, such as ibug68 dense490"
        " dense1001, or your own .yaml",
    )
    add("--batch", type=int, metavar="N", help="of a run: faces at once")
    return parser


def _add_of_a_run(add: Callable) -> None:
    """Flags that go with --workdir."""
    add(
        "--test-set",
        nargs="+",
        metavar="NAME",
        help="of a run: only these, such as common (default: all that are prepared)",
    )
    add(
        "--ibug-300w",
        metavar="FOLDER",
        help="of a run: measure on 300-W, in its own layout, where the run had none",
    )
    add(
        "--flip",
        action="store_true",
        help="of a run: also look at the mirrored faces and take the mean",
    )
    add(
        "--views",
        type=int,
        metavar="N",
        help="of a run: look N times at each face, a little changed, 1 to 8, and take"
        " the mean (default: as the run did)",
    )
    add(
        "--best",
        action="store_true",
        help="of a run: the weights that did best on its validation faces",
    )
    add(
        "--target-faces",
        type=int,
        metavar="N",
        help="of a run: fit the adapter on so many real train faces, 0 = all (default:"
        " as the run had)",
    )
    add(
        "--seed",
        type=int,
        metavar="S",
        help="of a run: of the draw of --target-faces, and of the adapter's fit"
        " (default: the run's)",
    )


def _add_of_predictions(add: Callable) -> None:
    """Flags that go with --predictions."""
    add("--data", nargs="+", metavar="FOLDER", help="for --predictions: the .pts files")
    add(
        "--by-turn",
        action="store_true",
        help="for --predictions: also by how far the head is turned: by yaw where"
        " `lmkjax render` drew the faces, else by how far the nose's tip is off the"
        " middle of the jaw's ends",
    )
    add(
        "--first-pixel-centre",
        type=float,
        choices=(0.0, 0.5, 1.0),
        help="for --predictions: where they count from: 0 (OpenCV), 0.5 (ours, the"
        " default) or 1 (300-W, MATLAB)",
    )


OF_A_RUN = {
    "test_set": "--predictions takes --data FOLDER",
    "ibug_300w": "--predictions takes --data FOLDER",
    "flip": "no network looks at predicted faces",
    "views": "no network looks at predicted faces",
    "best": "predictions have no weights",
    "batch": "predictions are measured at once",
    "target_faces": "predictions have no adapter",
    "seed": "predictions have no adapter",
}
"""Flags that go with --workdir alone, and why."""
OF_PREDICTIONS = {
    "data": "a run knows its own test sets",
    "by_turn": "a run is measured by groups as it is",
    "first_pixel_centre": "a run counts as its faces do",
}
"""Flags that go with --predictions alone, and why."""


def _refuse_what_does_not_go_together(
    parser: cli.Parser, options: argparse.Namespace
) -> None:
    other, theirs = "--workdir", OF_A_RUN
    if options.workdir:
        other, theirs = "--predictions", OF_PREDICTIONS
    for name, why in theirs.items():
        value = getattr(options, name)
        if value is not None and value is not False:
            parser.error(f"{cli.flag(name)} goes with {other}: {why}")
    if options.predictions and not options.data:
        parser.error(
            "--predictions wants --data FOLDER, the .pts files to hold against"
        )
    parser.at_least(1, options, "batch")
    parser.at_least(0, options, "target_faces")
    parser.a_seed(options)
    threshold = options.threshold
    if threshold is not None and not 0 < threshold <= 100:  # NaN neither
        parser.error(f"--threshold wants a % above 0 to 100; got {threshold}")


if __name__ == "__main__":
    cli.run(main)
