"""One page on rendered faces: the renderer's laws, and how real faces compare."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from lmkjax import files
from lmkjax.data import crop, ibug_300w
from lmkjax.errors import UserError
from lmkjax.evaluation import tables as origin
from lmkjax.face import drawing
from lmkjax.face.priors import options, sample
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import pts, schemes
from lmkjax.studio import gallery
from lmkjax.studio.audit import charts, html, laws, population, sharpness

CANVAS = 1.5
"""Side of a rendered picture over that of the square that is cut from it."""
PHOTOS = 400
"""Photos of which the sharpness is measured, at most."""


def write(
    out: pathlib.Path,
    scheme: schemes.Scheme,
    *,
    count: int,
    statistics: int,
    size: int,
    seed: int,
    priors: options.Priors,
    photos: pathlib.Path | None,
) -> None:
    """Writes report.html, and prints its figures.

    Args:
        out: the folder to write into.
        scheme: the landmarks.
        count: faces that are drawn and held against the laws.
        statistics: faces of which the statistics are taken, without pictures and
            without large poses.
        size: side of a picture, pixels.
        seed: of the faces.
        priors: how they are spread.
        photos: 300-W in its own layout; None = rendered faces stand alone.

    Raises:
        UserError: too few faces, no such size or seed, or no 300-W.
    """
    gallery.check(count=count, size=size, seed=seed)
    if statistics < 2:
        raise UserError(f"Wanted statistics of 2 faces or more; got {statistics}.")
    marked, real = ([], None) if photos is None else _marked(photos)
    with files.together(out) as (scratch, written):
        faces = sample.many(gallery.keys(seed, 0, count), priors)
        measured = laws.measure(faces, scheme, size=size)
        alike = dataclasses.replace(priors, large_poses=0.0)  # 300-W has hardly any
        drawn = population.draw(statistics, seed=seed, batch=count, priors=alike)
        found = population.compare(drawn, real)
        pictures = sharpness.Comparison(
            sharpness.measure(_rendered(faces)),
            sharpness.measure(_photographed(marked, real)) if marked else None,
        )
        text = html.write(
            measured,
            found,
            pictures,
            faces=charts.faces(faces, scheme, size=size),
            origin={
                "command": origin.command(),
                "commit": origin.commit(),
                "hardware": origin.hardware(),
                "seed": str(seed),
                "laws": f"{count} faces, {scheme.name}, {size} pixels",
            },
        )
        files.write(scratch / "report.html", text)
    print("\n".join(html.lines(measured, found, pictures)))
    print(written[0])


def _marked(folder: pathlib.Path) -> tuple[list[pathlib.Path], np.ndarray]:
    """The .pts files of 300-W's training part, and their points [n 68 2].

    One that cannot be used is left out, and named.

    Raises:
        UserError: no folder, or fewer than two faces in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: wanted 300-W's folder; there is no such folder.")
    marked, points = [], []
    for file in ibug_300w.find(folder)["train"].values():
        try:
            points.append(pts.read(file))
            marked.append(file)
        except UserError as error:
            print(f"Left out {error}")
    if len(marked) < 2:
        raise UserError(
            f"{folder}: wanted faces of 300-W's train ("
            f"{', '.join(ibug_300w.SPLITS['train'])}); found {len(marked)} .pts files."
        )
    return marked, np.stack(points)


def _rendered(faces: sample.FaceParams) -> list[np.ndarray]:
    """Rendered faces, cut out about their boxes."""
    size = round(sharpness.SIDE * CANVAS)
    drawn = drawing.draw(faces, schemes.get("ibug68"), size=size)
    images = np.uint8(np.asarray(drawn.image) * 255 + 0.5)
    both = zip(map(Image.fromarray, images), np.asarray(drawn.box), strict=True)
    return [_square(image, box) for image, box in both]


def _photographed(
    marked: Sequence[pathlib.Path], points: np.ndarray
) -> Iterator[np.ndarray]:
    """Photos, at most `PHOTOS` spread over all, cut out about their boxes."""
    good = 0
    for number in np.unique(
        np.linspace(0, len(marked) - 1, PHOTOS).round().astype(int)
    ):
        box = np.asarray(plane.box(points[number]))
        try:
            data = ibug_300w.encoded(ibug_300w.photo_of(marked[number]))
        except UserError as error:
            print(f"Left out {error}")
            continue
        good += 1
        yield _square(crop.decode(data)[0], box)
    if not good:
        raise UserError("Wanted photos beside 300-W's .pts files; none can be read.")


def _square(image: Image.Image, box: np.ndarray) -> np.ndarray:
    return crop.cut(image, box, framing=sharpness.FRAMING, size=sharpness.SIDE)
