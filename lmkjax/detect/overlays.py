"""Photos with the points that were found on them."""

import collections
import hashlib
import io
import os
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from lmkjax import files
from lmkjax.images import names as known_names

SURE, UNSURE = 0.04, 0.10
"""Shares of a face's box: points so unsure are drawn green and red. A map that is as
narrow as training asks for is 0.04 wide (one pixel of 32)."""
LONGEST = 120
"""Bytes of a file's name, at most; encrypted drives allow no more than 143."""


def file_names(names: Iterable[str]) -> dict[str, str]:
    """A file's name for each photo, so that no two are one on any file system.

    It is the photo's name, folders parted by `_`; where two would be alike (but for
    capitals or bytes of Unicode that look the same), or it would be too long, some
    letters of a digest tell it apart.

    Args:
        names: of photos, such as "sub/a.jpg".
    """
    plain = {name: f"{name.replace('/', '_')}.png" for name in names}
    counts = collections.Counter(known_names.alike(file) for file in plain.values())
    return {
        name: file
        if counts[known_names.alike(file)] == 1 and len(os.fsencode(file)) <= LONGEST
        else _digested(name, file)
        for name, file in plain.items()
    }


def write(
    path: pathlib.Path,
    photo: Image.Image,
    faces: Sequence[tuple[np.ndarray | None, ...]],
) -> None:
    """Draws points and boxes onto a photo, see `draw`, and writes it as PNG."""
    draw(photo, faces)
    png = io.BytesIO()
    photo.save(png, format="PNG")
    files.write(path, png.getvalue())


def draw(photo: Image.Image, faces: Sequence[tuple[np.ndarray | None, ...]]) -> None:
    """Draws points and boxes onto a photo.

    A point is green where its standard deviation is `SURE` of the box's longer side or
    less, red where it is `UNSURE` or more; hollow where it is most likely hidden.

    Args:
        photo: RGB; it is drawn on.
        faces: points [k, 2], their standard deviations [k] and the box (left, top,
            right, bottom) of each, all in pixels of the photo; and, where it is known
            (no None), the probability of being seen and of all else [k, n].
    """
    pen = ImageDraw.Draw(photo)
    for points, uncertainty, box, *known in faces:
        side = max(box[2] - box[0], box[3] - box[1])
        # The pen counts pixels by their centres from 0; our first centre is 0.5.
        pen.rectangle([float(edge) - 0.5 for edge in box], outline=(255, 255, 255))
        radius = max(1.0, side / (120 if len(points) <= 100 else 240))
        hidden = np.zeros(len(points), bool)
        if known and known[0] is not None:
            hidden = known[0].argmax(-1) > 0
        told = zip(points - 0.5, uncertainty, hidden, strict=True)
        for (x, y), doubt, hollow in told:
            red = np.clip((doubt / side - SURE) / (UNSURE - SURE), 0, 1)
            colour = (int(255 * min(1, 2 * red)), int(255 * min(1, 2 - 2 * red)), 0)
            circle = [x - radius, y - radius, x + radius, y + radius]
            pen.ellipse(circle, **{"outline" if hollow else "fill": colour})


def _digested(name: str, file: str) -> str:
    """A name that is short enough and no other photo's."""
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:10]
    start = os.fsencode(file.removesuffix(".png"))[: LONGEST - len(digest) - 5]
    return f"{start.decode(errors='ignore')}-{digest}.png"
