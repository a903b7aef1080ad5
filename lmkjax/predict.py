"""Finds the landmarks of faces in photos, with a trained run."""

import datetime
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from lmkjax import cli, files

LINES = 20
"""Photos without points that are named at the end, at most."""
PAUSE_S = 10.0
"""Seconds between two lines of how far a job is."""

EPILOG = """\
examples:
  python -m lmkjax.predict --images face.jpg --out found
  python -m lmkjax.predict --workdir runs/daln --images photos/ --boxes boxes.json \\
      --scheme ibug68 --out found

The folder --out then holds points.json (for each photo: box, points in the photo's own
pixels, one uncertainty per point, scheme, convention) and overlays/, each photo with
its points: green where the network is sure, red where it is not. A photo that cannot be
read costs itself: it is named at the end, points.json has {"error": why} for it, and
the exit code is 1. A job that was broken off goes on where it stopped if the same
command is given again.

Without --boxes each photo is taken to be one face, more or less filling it; the box is
then found in three looks. With --boxes, FILE is {"photo.jpg": [left, top, right,
bottom], ...} in the photo's pixels, (0, 0) its outer corner, tight around the face from
brows to chin as in training; 15 % too big, too small or beside does little harm. A
score may follow as a fifth number; of several faces give [[...], [...]], and
points.json has "faces". The points.json of `lmkjax predict` and `lmkjax render` will
do. Photos are turned as their EXIF says before anything else, so boxes and points are
those of the photo as you see it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Predicts as the command line says; returns the exit code."""
    parser = _flags()
    options = parser.parse_args(argv)
    parser.at_least_1(options, "batch")

    from lmkjax.detect import box_files, detection, photos
    from lmkjax.images import finding

    out = files.local(options.out, flag="--out")
    photos.refuse(out)
    images = [files.local(path, flag="--images") for path in options.images]
    found, notes = finding.find(images, apart=out)
    boxes = None
    if options.boxes:
        file = files.local(options.boxes, flag="--boxes")
        boxes = box_files.read(file, found, form=options.box_format)
        notes += boxes.notes
    for note in notes:
        print(note, file=sys.stderr)
    workdir = options.workdir or detection.shipped(options.scheme)
    workdir = files.local(workdir, flag="--workdir")
    detector = detection.Detector.from_checkpoint(
        workdir, flip=options.flip, batch=options.batch, best=options.best
    )
    scheme = options.scheme or detector.scheme
    progress = Progress()
    try:
        outcome = photos.annotate(
            detector.find,
            found,
            out,
            boxes=boxes,
            scheme=scheme,
            subset=detector.scheme_of(scheme).subset68,
            asked=[detection.identity(workdir), options.flip, options.best],
            together=options.batch,
            progress=progress,
        )
    except (KeyboardInterrupt, OSError):
        if files.part_of(out).is_dir():
            print(
                f"Broken off after {progress.done} of {len(found)} photos; the same"
                " command goes on from there.",
                file=sys.stderr,
            )
        raise
    _tell(outcome, scheme, out / photos.POINTS)
    return 1 if outcome.faults else 0


def _flags() -> cli.Parser:
    """The flags."""
    parser = cli.Parser(
        prog="lmkjax predict",
        description=__doc__,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add(
        "--workdir",
        metavar="DIR",
        help="a trained run's folder (default: the weights that come with lmkjax, made"
        " from rendered faces alone: those of --scheme ibug68, else those of dense490)",
    )
    add(
        "--images",
        required=True,
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="photos, or folders that are searched with their sub-folders",
    )
    add("--boxes", metavar="FILE", help="JSON of a photo's name to its face's box")
    add(
        "--box-format",
        choices=("corners", "xywh"),
        help="of --boxes: corners (left, top, right, bottom; the default) or xywh"
        " (left, top, width, height)",
    )
    add(
        "--scheme",
        metavar="S",
        help="which landmarks: the network's own (default), or any scheme by its name"
        " or YAML file (of free kernels: one whose points are among their own)",
    )
    add("--out", required=True, metavar="DIR", help="a new folder for the results")
    add(
        "--flip",
        action="store_true",
        help="also look at the mirrored photo and take the mean: better, half as fast",
    )
    add(
        "--best",
        action="store_true",
        help="with --workdir: the weights that did best on the run's validation faces",
    )
    add("--batch", type=int, default=16, metavar="N", help="faces at once")
    return parser


class Progress:
    """Says how far a long job is, every ten seconds at most.

    Attributes:
        done: photos.
    """

    def __init__(self):
        self.done, self._begin = 0, time.monotonic()
        self._first, self._said = 0, self._begin

    def __call__(self, done: int, of: int) -> None:
        """Takes note of how many photos of how many are done."""
        now, self.done = time.monotonic(), done
        self._first = self._first or done
        if now - self._said < PAUSE_S or done == of:
            return
        self._said = now
        rate = max(done - self._first, 1) / (now - self._begin)
        left = datetime.timedelta(seconds=round((of - done) / rate))
        print(
            f"{done} of {of} photos, {rate:.1f} a second, {left} to go",
            file=sys.stderr,
            flush=True,
        )


def _tell(outcome: Any, scheme: str, file: pathlib.Path) -> None:
    """Prints what came of a job."""
    again = f" ({outcome.before} of them from before)" if outcome.before else ""
    print(f"{outcome.done} photos{again}, {scheme}: {file}")
    if outcome.loose:
        print(
            f"In {len(outcome.loose)} photos the face is not where its box is, or of"
            f" another size, such as in '{outcome.loose[0]}': look at its overlay.",
            file=sys.stderr,
        )
    if outcome.faults:
        print(f"{len(outcome.faults)} photos have no points:", file=sys.stderr)
    for name, why in list(outcome.faults.items())[:LINES]:
        print(f"  {name}: {why.removesuffix('.')}", file=sys.stderr)
    if len(outcome.faults) > LINES:
        print(f"  ... and so on: see 'error' in {file}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
