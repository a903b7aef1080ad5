"""Finds the landmarks of faces in photos, with a trained run."""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from lmkjax import cli

EPILOG = """\
examples:
  python -m lmkjax.predict --images face.jpg --out found
  python -m lmkjax.predict --workdir runs/daln --images photos/ --boxes boxes.json \\
      --scheme ibug68 --out found

The folder --out then holds points.json (for each photo: box, points in the photo's own
pixels, one uncertainty per point, scheme, convention) and overlays/, each photo with
its points: green where the network is sure, red where it is not.

Without --boxes each photo is taken to be one face, more or less filling it; the box is
then found in three looks. With --boxes, FILE is {"photo.jpg": [left, top, right,
bottom], ...} in the photo's pixels, (0, 0) its outer corner, tight around the face from
brows to chin as in training; 15 % too big, too small or beside does little harm. Photos
are turned as their EXIF says before anything else, so boxes and points are those of the
photo as you see it. A photo of several faces: cut it, or use the library,
lmkjax.Detector, which takes a photo as often as you like.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Predicts as the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="lmkjax predict",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
        "--scheme",
        metavar="S",
        help="which landmarks: the network's own (default), ibug68, or any scheme whose"
        " points are among the network's",
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
    options = parser.parse_args(argv)

    from lmkjax.detect import detection, photos
    from lmkjax.images import finding

    found, notes = finding.find(options.images, apart=options.out)
    for note in notes:
        print(note, file=sys.stderr)
    boxes = photos.read_boxes(options.boxes, found) if options.boxes else None
    workdir = options.workdir or detection.shipped(options.scheme)
    detector = detection.Detector.from_checkpoint(
        workdir, flip=options.flip, best=options.best
    )
    scheme = options.scheme or detector.scheme
    count = photos.annotate(
        detector.find, found, options.out, boxes=boxes, scheme=scheme
    )
    print(f"{count} photos, {scheme}: {pathlib.Path(options.out) / photos.POINTS}")
    return 0


if __name__ == "__main__":
    cli.run(main)
