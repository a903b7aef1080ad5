"""Measures what finds faces, on photos whose faces are all known.

The folder holds photos and a faces.json: {"a.jpg": {"faces": [68 points each],
"others": [[left, top, right, bottom], ...]}}, the first pixel's centre at (0.5, 0.5).
A face is found if a box overlaps its own by half (intersection over union); a box that
overlaps no face by as much is a false find. Photos fall into two halves by their names:
what is chosen is chosen on one of them.
"""

import hashlib
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lmkjax import cli, files
from lmkjax.detect.finder import overlaps
from lmkjax.errors import UserError
from lmkjax.images import reading

WIDE = 1024
"""Pixels of a photo's longer side when it is timed."""
EPILOG = """\
example:
  python -m lmkjax.detect.finder.recall --photos photos
  python -m lmkjax.detect.finder.recall --photos photos --detector yunet.onnx
"""


class Truth(NamedTuple):
    """A photo and its faces.

    Attributes:
        image: PIL, RGB.
        boxes: array [n, 4], those of labelled faces first.
        labelled: how many of them are labelled by points.
        first: whether it is of the half that one chooses on.
    """

    image: Any
    boxes: Any
    labelled: int
    first: bool


def read(folder: pathlib.Path) -> list[Truth]:
    """The photos of a folder and their faces.

    Raises:
        UserError: there is no faces.json, or a photo is missing.
    """
    import numpy as np

    told, photos = files.read_json(folder / "faces.json", what="faces"), []
    for name, own in told.items():
        try:
            points = [np.array(face, float) for face in own["faces"]]
            tight = [[*face.min(0), *face.max(0)] for face in points]
            boxes = np.array(tight + own["others"], float).reshape(-1, 4)
        except (TypeError, ValueError, KeyError) as error:
            raise UserError(
                f"{folder / 'faces.json'}: '{name}' wants \"faces\", lists of points,"
                f' and "others", boxes; got {error}.'
            ) from None
        half = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2
        photos.append(Truth(reading.read(folder / name), boxes, len(points), half == 0))
    return photos


def curve(
    photos: Sequence[Truth], found: Sequence, thresholds: Sequence[float]
) -> list[tuple[float, float, float]]:
    """At each threshold the recall of labelled faces and of others, and false finds.

    Args:
        photos: the truth.
        found: of each photo the boxes and scores.
        thresholds: scores that a face must have.
    """
    import numpy as np

    rows = []
    for least in thresholds:
        hits, false = np.zeros((2, 2)), 0
        for photo, (boxes, scores, *_) in zip(photos, found, strict=True):
            boxes = boxes[scores >= least]
            near = overlaps.shared(photo.boxes, boxes)[0] >= 0.5
            for kind, part in enumerate(
                (near[: photo.labelled], near[photo.labelled :])
            ):
                hits[kind] += part.any(1).sum(), len(part)
            false += (~near.any(0)).sum()
        recall = hits[:, 0] / np.maximum(hits[:, 1], 1)
        rows.append((*map(float, recall), false / max(len(photos), 1)))
    return rows


def milliseconds(find: Callable, photos: Sequence[Truth]) -> float:
    """Of a photo whose longer side has `WIDE` pixels: the median of second looks."""
    import numpy as np

    spent = []
    for photo in photos:
        scale = WIDE / max(photo.image.size)
        image = photo.image.resize([round(s * scale) for s in photo.image.size])
        find(image)
        begin = time.perf_counter()
        find(image)
        spent.append(time.perf_counter() - begin)
    return 1000 * float(np.median(spent))


def main(argv: Sequence[str] | None = None) -> int:
    """Measures as the command line says; returns the exit code."""
    parser = cli.Parser(
        prog="python -m lmkjax.detect.finder.recall",
        description=__doc__,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("--photos", required=True, metavar="DIR", help="photos and their faces.json")
    add("--detector", metavar="D", help="see lmkjax predict (default: our own)")
    add(
        "--thresholds",
        nargs="+",
        type=float,
        metavar="T",
        help="scores that a face must have (default: the detector's own)",
    )
    add(
        "--alone",
        action="store_true",
        help="without the points, which mend boxes and take out what is no face",
    )
    options = parser.parse_args(argv)

    from lmkjax.detect import detection
    from lmkjax.detect.finder import others

    photos = read(files.local(options.photos, flag="--photos"))
    least = min(options.thresholds) if options.thresholds else None
    finder = others.choose(options.detector, threshold=least)
    thresholds = options.thresholds or [finder.threshold]
    find = finder if options.alone else detection.Detector(finder=finder).search
    found = [find(photo.image) for photo in photos]
    halves = [[n for n, p in enumerate(photos) if p.first == h] for h in (True, False)]
    parts = {"to choose on": halves[0], "held out": halves[1], "all": sum(halves, [])}
    print("| photos | score from | faces | others | false finds a photo |")
    print("|---|--:|--:|--:|--:|")
    for name, own in parts.items():
        few = [photos[n] for n in own], [found[n] for n in own]
        for least, row in zip(thresholds, curve(*few, thresholds), strict=True):
            told = f"{row[0]:.3f} | {row[1]:.3f} | {row[2]:.2f}"
            print(f"| {name} ({len(own)}) | {least:g} | {told} |")
    print(f"{milliseconds(find, photos[:12]):.0f} ms a photo of {WIDE} pixels")
    return 0


if __name__ == "__main__":
    cli.run(main)
