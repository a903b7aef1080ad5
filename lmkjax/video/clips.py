"""Rendered clips: pictures of a person who moves, their truth, and a video of them."""

import importlib.util
import pathlib

import numpy as np
from PIL import Image

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.face import drawing
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery
from lmkjax.video import films, motion

RATES = (1.0, 240.0)
"""The fewest and the most pictures in a second."""


def write(
    out: pathlib.Path,
    scheme: schemes.Scheme,
    *,
    count: int,
    rate: float,
    size: int,
    seed: int,
    priors: options.Priors = options.PRIORS,
    backgrounds: backdrop.Pictures | None = None,
    sheet: bool = False,
    batch: int = 16,
) -> list[pathlib.Path]:
    """Writes a clip's pictures, `points.json` and, with the extra "video", `clip.mp4`.

    The person is the first face of the set with this seed.

    Args:
        out: the folder; see `gallery.write`.
        scheme: which landmarks.
        count: pictures.
        rate: of them in a second, 1 to 240.
        size: side of a picture, pixels, 16 to 1024.
        seed: of the person, and of all that happens.
        priors: how faces are spread.
        backgrounds: see `backdrop.load`; None = invented ones.
        sheet: also write the contact sheet, points drawn.
        batch: pictures drawn in one call.

    Returns:
        The files.

    Raises:
        UserError: a number that makes no sense, or a folder that cannot be written
            or holds files of these names which an earlier call did not write.
    """
    gallery.check(count=count, size=size, seed=seed)
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(
            f"Wanted {RATES[0]:.0f} to {RATES[1]:.0f} pictures a second; got"
            f" --clip {rate:g}."
        )
    times = np.arange(count) / rate
    keys = gallery.keys(seed, 0, motion.needed(times))
    params = motion.moments(keys, times, size=size, priors=priors)

    def draw(first: int):
        # The same number each time, or all is compiled once more.
        which = np.minimum(np.arange(first, first + min(batch, count)), count - 1)
        some = motion.at(params, which)
        drawn = drawing.draw(some, scheme, size=size, backgrounds=backgrounds)
        return drawn, some.camera.yaw_rad

    told = {"scheme": scheme.name, "seed": seed, gallery.FPS: rate}
    written = gallery.write_drawn(out, draw, told, count=count, sheet=sheet)
    if importlib.util.find_spec("av") is None:
        return written
    pictures = [f for f in written if f.suffix == ".png" and f.name != gallery.SHEET]
    with files.together(out) as (scratch, film):
        with films.Writer(scratch / gallery.CLIP, (size, size), rate=rate) as writer:
            for picture, time in zip(pictures, times, strict=True):
                writer.add(Image.open(picture), float(time))
    return [*written, *film]


def truth(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray, schemes.Scheme]:
    """The true points of each picture of a clip, their times, and their scheme.

    Returns:
        Points float32 [f, k, 2], pixels; seconds [f]; the scheme.

    Raises:
        UserError: the folder holds no clip.
    """
    file = folder / gallery.POINTS
    told = files.read_json(file, what="a clip that `lmkjax render --clip` wrote")
    try:
        rate, scheme = float(told[gallery.FPS]), schemes.get(told["scheme"])
        faces = [told["faces"][name]["points"] for name in sorted(told["faces"])]
        points = np.array(faces, np.float32)
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{folder}: wanted a clip that `lmkjax render --clip` wrote; its"
            f" {gallery.POINTS} is of something else."
        ) from None
    return points, np.arange(len(points)) / rate, scheme
