"""A photo that somebody hands in: what is seen on it, as a picture and as JSON."""

import json
import pathlib
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lmkjax.detect import detection, overlays, photos
from lmkjax.errors import UserError
from lmkjax.images import reading
from lmkjax.landmarks import schemes

BYTES, PIXELS, FACES = 20_000_000, 40_000_000, 50
"""The largest file and photo that are taken, and the most faces that are answered."""
SHOWN = 1600
"""Pixels of the longer side of the picture that is shown, at most."""


class Answer(NamedTuple):
    """What is shown of a photo.

    Attributes:
        picture: the photo with its points.
        told: how many faces there are, in words.
        content: what `points.json` of `lmkjax predict` says of a photo.
        head: the fitted head of the largest face, a .glb; None where there is none, or
            the extra `fit` is not installed.
    """

    picture: Image.Image
    told: str
    content: dict[str, Any]
    head: bytes | None


def answer(
    detector: detection.Detector,
    file: str | pathlib.Path | None,
    *,
    scheme: str,
) -> Answer:
    """The faces of a photo and their points.

    Args:
        detector: finds them.
        file: the photo; None = none was handed in.
        scheme: of the points: a scheme's name, which may be that of the network's own,
            or a YAML file's.

    Raises:
        UserError: there is no photo, it is none or too large, or the scheme is none.
    """
    if file is None:
        raise UserError("Wanted a photo: drop one, or use the camera.")
    photo, own = _photo(pathlib.Path(file)), detector.scheme_of(scheme)
    boxes, scores, more = detector.search(photo)[:3]
    boxes, more = boxes[:FACES], more + len(boxes[FACES:])
    found = detector.find([photo] * len(boxes), boxes, scheme=own)
    picture = photo.copy()
    picture.thumbnail((SHOWN, SHOWN))
    scale = picture.width / photo.width
    faces = list(_each(found))
    overlays.draw(
        picture, [(p * scale, u * scale, b * scale, v) for p, u, b, v in faces]
    )
    said = [
        photos.told_of(*face, score=score)
        for face, score in zip(faces, scores, strict=False)
    ]
    content = {"faces": said, "scheme": own.name, "convention": photos.CONVENTION}
    return Answer(picture, _told(len(faces), more), content, _head(found, own))


def text(content: dict[str, Any], name: str) -> str:
    """JSON of a photo's faces, in the form of `points.json`."""
    return json.dumps({name: content}, allow_nan=False)


def _photo(file: pathlib.Path) -> Image.Image:
    """A photo that is small enough.

    Raises:
        UserError: it is none, or too large.
    """
    if (size := file.stat().st_size) > BYTES:
        raise UserError(
            f"Wanted a photo of at most {BYTES // 10**6} MB; it has {size / 1e6:.0f}."
        )
    try:
        with reading.opened(file) as image:
            width, height = image.size
    except Exception:  # what `read` says better
        return reading.read(file)
    if width * height > PIXELS:
        raise UserError(
            f"Wanted a photo of at most {PIXELS // 10**6} million pixels; it has"
            f" {width} x {height}."
        )
    return reading.read(file)


def _told(count: int, more: int) -> str:
    """How many faces there are, in words."""
    if not count:
        return "No face found."
    left = f"; {more} more are not shown" if more else ""
    return f"{count} face{'s' if count > 1 else ''}{left}."


def _head(found: detection.Faces, scheme: schemes.Scheme) -> bytes | None:
    """The largest face's head as a .glb, turned as in the photo."""
    try:
        from lmkjax.fitting import fits, written
    except ImportError:  # an extra
        return None
    if not len(found.points):
        return None
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).max(1)
    one = slice(int(sides.argmax()), int(sides.argmax()) + 1)
    seen = None if found.visibility is None else found.visibility[one]
    fitted = fits.fit(
        found.points[one], found.uncertainty[one], scheme, visibility=seen
    )
    turned = fitted.vertices()[0] @ fitted.turns()[0].T
    if not np.isfinite(turned).all():
        return None
    return written.meshes(turned)["glb"]


def _each(found: detection.Faces):
    """Points, uncertainty, box and visibility of each face."""
    for i in range(len(found.points)):
        known = None if found.visibility is None else found.visibility[i]
        yield found.points[i], found.uncertainty[i], found.boxes[i], known
