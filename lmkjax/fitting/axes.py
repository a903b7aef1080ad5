"""A picture of what a fit says: the head's axes, and where its eyes look."""

import numpy as np
from PIL import Image, ImageDraw

from lmkjax.face.shape import surface as surfaces
from lmkjax.fitting import fits

COLOURS = {"x": (230, 60, 50), "y": (60, 200, 70), "z": (70, 130, 255)}
"""Of the head's axes: to its left, up, and out of the face."""
LENGTH_CM, GROWN = 11.0, 2


def draw(image: np.ndarray, fitted: fits.Heads, face: int) -> Image.Image:
    """The picture, twice as large, with a head's axes and its pose in numbers.

    Args:
        image: uint8 [h, w, 3].
        fitted: heads.
        face: which of them.
    """
    size = (image.shape[1] * GROWN, image.shape[0] * GROWN)
    picture = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(picture)
    one = fits.Heads(*(part[face : face + 1] for part in fitted))
    if not np.isfinite(one.residual_px[0]):
        return picture
    ends = np.array(surfaces.PIVOT) + np.concatenate([np.zeros((1, 3)), np.eye(3)]) * (
        LENGTH_CM
    )
    start, *tips = one.project(ends[None].astype(np.float32))[0] * GROWN - 0.5
    order = one.turns()[0][2]  # what points at the camera is drawn last
    for axis in np.argsort(order):
        name = "xyz"[axis]
        tip = tips[axis]
        pen.line([*start, *tip], fill=COLOURS[name], width=4)
        pen.text((tip[0] + 4, tip[1] - 6), name, fill=COLOURS[name])
    yaw, pitch, roll = one.pose_deg[0]
    told = f"yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f}"
    pen.rectangle([0, 0, pen.textlength(told) + 8, 16], fill=(0, 0, 0))
    pen.text((4, 2), told, fill=(255, 255, 255))
    return picture
