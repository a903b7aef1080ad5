"""A face's box to a square picture of it, on the host; the landmarks follow.

Pure NumPy and Pillow: the threads that feed a device call this.
"""

import io

import numpy as np
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.types import Batch

MODE = "RGB"


def square(box: np.ndarray, *, margin: float) -> tuple[np.ndarray, float]:
    """The square around a box: its upper left corner and its side.

    It is the square of `points.crop`: the box's centre, `margin` times its longer side.

    Args:
        box: left, top, right, bottom, pixels.
        margin: side of the square in units of the box's longer side.

    Returns:
        Corner (x, y) and side, pixels.

    Raises:
        UserError: the box has no size, or is not finite.
    """
    box = np.asarray(box, np.float64)
    longer = max(box[2] - box[0], box[3] - box[1])
    if not (np.isfinite(box).all() and longer > 0):
        raise UserError(
            f"Wanted a box as left, top, right, bottom with right > left and bottom > "
            f"top, in pixels; got {box.tolist()}."
        )
    side = float(longer * margin)
    return (box[:2] + box[2:]) / 2 - side / 2, side


def forth(
    points: np.ndarray, box: np.ndarray, *, margin: float, size: int
) -> np.ndarray:
    """Points of the photo in pixels of the square picture that `cut` makes."""
    corner, side = square(box, margin=margin)
    return ((points - corner) * (size / side)).astype(np.float32)


def back(
    points: np.ndarray, box: np.ndarray, *, margin: float, size: int
) -> np.ndarray:
    """Points of the square picture in pixels of the photo; undoes `forth`."""
    corner, side = square(box, margin=margin)
    return (points * (side / size) + corner).astype(np.float32)


def cut(image: Image.Image, box: np.ndarray, *, margin: float, size: int) -> np.ndarray:
    """The square picture around a box.

    Where the photo ends, its last pixels go on (mirrored, it would show parts of
    the face twice). Shrinking is antialiased.

    Args:
        image: the photo, RGB.
        box: left, top, right, bottom, pixels of the photo.
        margin: side of the square in units of the box's longer side.
        size: side of the picture, in its own pixels.

    Returns:
        uint8 [size, size, 3].
    """
    corner, side = square(box, margin=margin)
    reach = int(np.ceil(max(side / size, 1.0))) + 1  # what the filter sees beyond
    first = np.floor(corner).astype(int) - reach
    last = np.ceil(corner + side).astype(int) + reach
    shape = np.array(image.size)
    near = np.clip(first, 0, shape - 1)
    far = np.clip(last, near + 1, shape)
    part = np.asarray(image.crop((*near, *far)))
    before, after = np.maximum(near - first, 0), np.maximum(last - far, 0)
    if before.any() or after.any():
        around = [(before[1], after[1]), (before[0], after[0]), (0, 0)]
        part = np.pad(part, around, mode="edge")
    start = corner - (near - before)
    window = (*start, *(start + side))
    picture = Image.fromarray(part).resize((size, size), Image.BILINEAR, box=window)
    return np.asarray(picture)


def decode(photo: bytes, *, side_px: float = 0.0, size: int = 0) -> tuple:
    """A photo, decoded no larger than needed.

    Args:
        photo: JPEG or PNG, encoded.
        side_px: side of the square that will be cut, pixels of the photo.
        size: side of the picture made of it; a JPEG is decoded at 1/2, 1/4 or 1/8 of
            its size if the square keeps at least so many pixels. 0 = at full size.

    Returns:
        The photo as an RGB `PIL.Image`, and pixels of it per pixel of the full photo.
    """
    image = Image.open(io.BytesIO(photo))
    full = image.size
    shrink = int(side_px // size) if size else 1
    if shrink > 1 and min(full) >= shrink:
        image.draft(MODE, (full[0] // shrink, full[1] // shrink))
    # A block of 8 pixels becomes 8, 4, 2 or 1; what a block lacks at the rim is there.
    scales = {(-(-full[0] // k), -(-full[1] // k)): 1 / k for k in (8, 4, 2, 1)}
    scale = scales[image.size]
    return image if image.mode == MODE else image.convert(MODE), scale


def canvas(
    photo: bytes,
    points: np.ndarray,
    visible: np.ndarray,
    box: np.ndarray,
    *,
    margin: float,
    size: int,
) -> Batch:
    """One face as the square picture that the device turns, scales and crops.

    Args:
        photo: JPEG or PNG, encoded.
        points: landmarks, pixels of the photo.
        visible: which of them may be seen.
        box: of the face; the square lies around it.
        margin: side of the square in units of the box's longer side.
        size: side of the picture, in its own pixels.

    Returns:
        The face, without leading axes: image uint8, the rest in pixels of it.
    """
    _, side = square(box, margin=margin)
    image, scale = decode(photo, side_px=side, size=size)
    corners = np.reshape(box, (2, 2))
    return Batch(
        image=cut(image, np.asarray(box) * scale, margin=margin, size=size),
        points=forth(points, box, margin=margin, size=size),
        visible=np.asarray(visible, bool),
        box=forth(corners, box, margin=margin, size=size).reshape(4),
        mask=np.array(True),
    )
