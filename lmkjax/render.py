"""Command: draws synthetic faces with their landmarks, or says how fast it can.

python -m lmkjax.render --scheme dense490 --count 64 --size 192 --out faces --sheet
"""

import argparse
import json
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from data_builders.ibug_300w import ibug_300w_dataset_builder as ibug_300w
from lmkjax import cli
from lmkjax.data import crop
from lmkjax.errors import UserError
from lmkjax.evaluation import tables as origin
from lmkjax.face import drawing
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options, sample
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import pts, schemes
from lmkjax.studio import gallery, page, sheets
from lmkjax.studio.audit import charts, laws, population, sharpness
from lmkjax.studio.audit import html as report

CANVAS = 1.5
"""Side of a rendered picture over that of the square that is cut from it."""
PHOTOS = 400
"""Photos of which the sharpness is measured, at most."""


def main(argv: Sequence[str] | None = None) -> int:
    """Draws what the flags ask for; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="lmkjax render",
        description="Draw synthetic faces with their landmarks. Writes one PNG per face"
        " and points.json (points in pixels, visibility, box) into a folder. Face i of"
        " a seed is always the same face.",
    )
    parser.add_argument(
        "--scheme",
        default="ibug68",
        help="which landmarks: one of " + ", ".join(sorted(schemes.SCHEMES)) + ", or a"
        " .yaml file of your own (default: %(default)s)",
    )
    parser.add_argument("--count", type=int, default=16, help="faces (%(default)s)")
    parser.add_argument(
        "--size", type=int, default=192, help="side of a picture, pixels (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the set (%(default)s)")
    parser.add_argument("--out", type=pathlib.Path, help="folder to write into")
    parser.add_argument(
        "--looks",
        default="photo",
        help="photo, or stand_in: harder light, other colours, more things before the"
        " face (%(default)s)",
    )
    parser.add_argument(
        "--priors",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="what can be seen, and how often: `glasses=1 hats=0`. Names: "
        + ", ".join(options.KNOWN),
    )
    parser.add_argument(
        "--backgrounds",
        metavar="FOLDER",
        help="pictures of your own to be seen behind the faces, cropped and blurred by"
        " chance (they should show no faces)",
    )
    parser.add_argument(
        "--sheet",
        nargs="?",
        const="points",
        metavar="ELEMENT",
        help="also write sheet.png, points drawn; with an ELEMENT write that alone,"
        " and on it the same faces with nothing but the element varied: "
        + ", ".join(sheets.ELEMENTS),
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="draw no face; write SCHEME.html (into --out, or here), a page on which to"
        " turn the head and hover over its landmarks",
    )
    parser.add_argument(
        "--report",
        nargs="?",
        type=int,
        const=5000,
        metavar="FACES",
        help="write report.html (into --out, or here), a page that shows whether COUNT"
        " drawn faces obey the renderer's laws, and the statistics of FACES faces"
        " (%(const)s) without their pictures; takes minutes",
    )
    parser.add_argument(
        "--ibug_300w",
        type=pathlib.Path,
        metavar="FOLDER",
        help="300-W in its own layout, for --report: its training part's statistics"
        " stand beside the rendered faces'",
    )
    parser.add_argument(
        "--benchmark",
        action="store_true",
        help="write no file; print one line of JSON: faces per second, milliseconds"
        " per stage, peak memory",
    )
    flags = parser.parse_args(argv)
    scheme = schemes.get(flags.scheme)
    priors = options.choose(flags.looks, flags.priors)
    if flags.benchmark:
        figures = gallery.benchmark(
            scheme, size=flags.size, seed=flags.seed, count=flags.count
        )
        print(json.dumps(figures))
        return 0
    if flags.page:
        text = page.html(scheme)
        with gallery.whole(flags.out or pathlib.Path()) as (scratch, files):
            (scratch / f"{scheme.name}.html").write_text(text)
        print(files[0])
        return 0
    if flags.report is not None:
        _report(flags, scheme, priors)
        return 0
    if flags.out is None:
        parser.error("--out FOLDER is wanted (or --page, --report, --benchmark)")
    backgrounds = backdrop.load(flags.backgrounds) if flags.backgrounds else None
    if flags.sheet not in (None, "points"):
        (file,) = gallery.write_sheet(
            flags.out,
            flags.sheet,
            size=flags.size,
            seed=flags.seed,
            backgrounds=backgrounds,
        )
        print(file)
        return 0
    files = gallery.write(
        flags.out,
        scheme,
        count=flags.count,
        size=flags.size,
        seed=flags.seed,
        priors=priors,
        backgrounds=backgrounds,
        sheet=flags.sheet is not None,
    )
    print(f"{flags.out}: {len(files)} files, {flags.count} faces.")
    return 0


def _report(
    flags: argparse.Namespace, scheme: schemes.Scheme, priors: sample.Priors
) -> None:
    """Writes report.html, and prints its figures."""
    gallery.check(count=flags.count, size=flags.size)
    if flags.report < 2:
        raise UserError(f"Wanted statistics of 2 faces or more; got {flags.report}.")
    marked = [] if flags.ibug_300w is None else _files(flags.ibug_300w)
    real = _points(marked) if marked else None
    with gallery.whole(flags.out or pathlib.Path()) as (scratch, files):
        faces = sample.many(gallery.keys(flags.seed, 0, flags.count), priors)
        measured = laws.measure(faces, scheme, size=flags.size)
        drawn = population.draw(
            flags.report, seed=flags.seed, batch=flags.count, priors=priors
        )
        found = population.compare(drawn, real)
        pictures = sharpness.Comparison(
            sharpness.measure(_rendered(faces)),
            sharpness.measure(_photographed(marked, real)) if marked else None,
        )
        text = report.write(
            measured,
            found,
            pictures,
            faces=charts.faces(faces, scheme, size=flags.size),
            origin={
                "command": origin.command(),
                "commit": origin.commit(),
                "hardware": origin.hardware(),
                "seed": str(flags.seed),
                "laws": f"{flags.count} faces, {scheme.name}, {flags.size} pixels",
            },
        )
        (scratch / "report.html").write_text(text)
    print("\n".join(report.lines(measured, found, pictures)))
    print(files[0])


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The .pts files of 300-W's training part.

    Raises:
        UserError: no folder, or fewer than two faces in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: wanted 300-W's folder; there is no such folder.")
    files = list(ibug_300w.find(folder)["train"].values())
    if len(files) < 2:
        raise UserError(
            f"{folder}: wanted faces of 300-W's train ("
            f"{', '.join(ibug_300w.SPLITS['train'])}); found {len(files)} .pts files."
        )
    return files


def _points(files: Sequence[pathlib.Path]) -> np.ndarray:
    """The points of faces [n 68 2].

    Raises:
        UserError: one is no face.
    """
    points = np.stack([pts.read(file) for file in files])
    eyes = points[:, [population.RIGHT_EYE, population.LEFT_EYE]]
    for file, (right, left) in zip(files, eyes, strict=True):
        if (right == left).all():
            raise UserError(f"{file}: both eyes' outer corners are in one place.")
    return points


def _rendered(faces: sample.FaceParams) -> list[np.ndarray]:
    """Rendered faces as a network sees them."""
    size = round(sharpness.SIDE * CANVAS)
    drawn = drawing.draw(faces, schemes.get("ibug68"), size=size)
    images = np.uint8(np.asarray(drawn.image) * 255 + 0.5)
    both = zip(map(Image.fromarray, images), np.asarray(drawn.box), strict=True)
    return [_square(image, box) for image, box in both]


def _photographed(
    files: Sequence[pathlib.Path], points: np.ndarray
) -> Iterator[np.ndarray]:
    """Photos, at most `PHOTOS` spread over all, as a network sees them."""
    for number in np.unique(np.linspace(0, len(files) - 1, PHOTOS).round().astype(int)):
        box = np.asarray(plane.box(points[number]))
        data = ibug_300w.encoded(ibug_300w.photo_of(files[number]))
        yield _square(crop.decode(data)[0], box)


def _square(image: Image.Image, box: np.ndarray) -> np.ndarray:
    return crop.cut(image, box, margin=sharpness.MARGIN, size=sharpness.SIDE)


if __name__ == "__main__":
    cli.run(main)
