"""A face's box to a square picture of it, on the host; the landmarks follow.

Pure NumPy and Pillow: the threads that feed a device call this.
"""

import io
import math

import numpy as np
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.images import reading
from lmkjax.landmarks import points as plane
from lmkjax.types import Batch, Rendered

MODE = "RGB"
MOST = 64
"""Side of a square over the longer side of its photo, at most."""


def square(box: np.ndarray, *, framing: plane.Framing) -> tuple[np.ndarray, float]:
    """The square around a box: its upper left corner and its side.

    It is the square of `points.crop`.

    Args:
        box: left, top, right, bottom, pixels.
        framing: how the square lies around it.

    Returns:
        Corner (x, y) and side, pixels.

    Raises:
        UserError: the box has no width or no height, or is not finite.
    """
    # Plain numbers: of arrays of two, every sum is a call that holds Python's lock.
    left, top, right, bottom = ends = [float(end) for end in box]
    sides = right - left, bottom - top
    if not (all(map(math.isfinite, ends)) and min(sides) > 0):
        raise UserError(
            f"Wanted a box as left, top, right, bottom with right > left and bottom > "
            f"top, in pixels; got {ends}."
        )
    side = max(sides) * framing.margin
    across, down = (left + right) / 2, (top + bottom) / 2 - side * framing.up
    return np.array([across - side / 2, down - side / 2]), side


def turned(box: np.ndarray, turns: int, *, framing: plane.Framing) -> np.ndarray:
    """The box whose square holds a face that does not stand upright as it should.

    Turned counterclockwise by quarters, that square lies around the face as the square
    of `box` lies around one that stands upright.

    Args:
        box: left, top, right, bottom, pixels of the photo.
        turns: quarters, 0 to 3; by 0 it is the same box.
        framing: how the square lies around the box.

    Raises:
        UserError: as `square`.
    """
    if not turns:
        return box
    _, side = square(box, framing=framing)
    upward = np.array([(0, -1), (1, 0), (0, 1), (-1, 0)][turns])
    # Its own square lies above it: first down by as much.
    return box + np.tile((upward + (0, 1)) * side * framing.up, 2)


def whole(size: tuple[int, int], *, framing: plane.Framing) -> np.ndarray:
    """The box whose square is a picture's own, the smallest that holds all of it.

    Args:
        size: of the picture, width and height.
        framing: how the square lies around the box.

    Returns:
        left, top, right, bottom, pixels.
    """
    side = max(size)
    centre = np.array(size) / 2 + (0, side * framing.up)
    half = side / framing.margin / 2
    return np.concatenate([centre - half, centre + half])


def forth(
    points: np.ndarray, box: np.ndarray, *, framing: plane.Framing, size: int
) -> np.ndarray:
    """Points of the photo in pixels of the square picture that `cut` makes."""
    corner, side = square(box, framing=framing)
    return ((points - corner) * (size / side)).astype(np.float32)


def back(
    points: np.ndarray, box: np.ndarray, *, framing: plane.Framing, size: int
) -> np.ndarray:
    """Points of the square picture in pixels of the photo; undoes `forth`."""
    corner, side = square(box, framing=framing)
    return (points * (side / size) + corner).astype(np.float32)


def cut(
    image: Image.Image, box: np.ndarray, *, framing: plane.Framing, size: int
) -> np.ndarray:
    """The square picture around a box.

    Where the photo ends, its last pixels go on (mirrored, it would show parts of
    the face twice). Shrinking is antialiased. It takes the memory of what the square
    holds of the photo, however far it reaches beyond.

    Args:
        image: the photo, RGB.
        box: left, top, right, bottom, pixels of the photo.
        framing: how the square lies around the box.
        size: side of the picture, in its own pixels.

    Returns:
        uint8 [size, size, 3].

    Raises:
        UserError: the box has no size, or the square is more than `MOST` times as
            large as the photo.
    """
    corner, side = square(box, framing=framing)
    if side > MOST * max(image.size):
        raise UserError(
            f"Wanted a box about as large as the face; got {np.asarray(box).tolist()}"
            f" on a photo of {image.width} x {image.height} pixels."
        )
    return _cut(image, corner.tolist(), side, size)


def _cut(image: Image.Image, corner: list, side: float, size: int) -> np.ndarray:
    """What `cut` makes of a square, told by its upper left corner and its side."""
    reach = math.ceil(max(side / size, 1.0)) + 1  # what the filter sees beyond
    near, far = [], []  # the part of the photo that is seen
    for start, length in zip(corner, image.size, strict=True):
        near.append(min(max(math.floor(start - reach), 0), length - 1))
        far.append(min(max(math.ceil(start + side + reach), near[-1] + 1), length))
    if all(0 <= start - reach for start in corner) and all(
        start + side + reach <= length
        for start, length in zip(corner, image.size, strict=True)
    ):
        window = (*corner, *(start + side for start in corner))
        return np.asarray(image.resize((size, size), Image.BILINEAR, box=window))
    # The part as it is; `crop` would warn of a large one.
    shape = far[0] - near[0], far[1] - near[1]
    part = image.resize(shape, box=(*near, *far))
    start = [begin - first for begin, first in zip(corner, near, strict=True)]
    # One axis after the other, a square far too large is never laid out in both.
    if 16 * reach <= min(part.size):
        return _along(part, (0, 1), start, side, size)
    part = Image.fromarray(_along(part, (0,), start, side, size))
    return _along(part, (1,), start, side, size)


def _along(
    image: Image.Image, axes: tuple, start: list, side: float, size: int
) -> np.ndarray:
    """What `cut` makes of some axes, the last pixels going on beyond their ends."""
    scale = side / size
    reach = max(scale, 1.0)  # of the filter, to both sides of a pixel's middle
    shape, window = list(image.size), [0, 0, *image.size]
    around, beyond = [0] * 4, [0] * 4  # pixels more: left, top, right, bottom
    for axis in axes:
        length, begin = image.size[axis], start[axis]
        # Pixels wholly beyond an end are alike: of them one is made, and repeated.
        first = math.floor((-reach - begin) / scale - 0.5)
        last = math.ceil((length + reach - begin) / scale - 0.5)
        first = min(max(first, 0), size - 1)
        last = min(max(last, first), size - 1)
        low = min(max(begin + first * scale, -reach - 2 * scale), length + reach)
        high = low + (last + 1 - first) * scale
        before = max(0, math.ceil(reach - low))
        around[axis::2] = before, max(0, math.ceil(high + reach - length))
        beyond[axis::2] = first, size - 1 - last
        shape[axis] = last + 1 - first
        window[axis::2] = low + before, high + before
    larger = _repeat_ends(image, around)
    made = np.asarray(larger.resize(shape, Image.BILINEAR, box=window))
    if not any(beyond):
        return made
    left, top, right, bottom = beyond
    found = np.empty((top + shape[1] + bottom, left + shape[0] + right, 3), np.uint8)
    rows = found[top : top + shape[1]]
    rows[:, left : left + shape[0]] = made
    rows[:, :left] = rows[:, left : left + 1]
    rows[:, left + shape[0] :] = rows[:, left + shape[0] - 1 : left + shape[0]]
    found[:top], found[top + shape[1] :] = rows[0], rows[-1]
    return found


def _repeat_ends(image: Image.Image, around: list[int]) -> Image.Image:
    """A picture whose outermost pixels go on.

    Args:
        image: the picture.
        around: how often they are there once more: left, top, right, bottom.
    """
    if not any(around):
        return image
    left, top, right, bottom = around
    wide, high = image.size
    # Not by NumPy: a picture's way there and back costs more than the rest.
    larger = Image.new(image.mode, (left + wide + right, top + high + bottom), None)
    larger.paste(image, (left, top))
    for at, count, edge in ((0, left, 0), (left + wide, right, wide - 1)):
        if count:
            box = (edge, 0, edge + 1, high)
            larger.paste(image.resize((count, high), Image.NEAREST, box=box), (at, top))
    wide = larger.width
    for at, count, edge in ((0, top, top), (top + high, bottom, top + high - 1)):
        if count:
            box = (0, edge, wide, edge + 1)
            larger.paste(larger.resize((wide, count), Image.NEAREST, box=box), (0, at))
    return larger


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
    try:
        image = Image.open(io.BytesIO(photo))
    except Image.DecompressionBombError:  # Pillow's limit; `reading` has its own
        image = reading.opened(io.BytesIO(photo))
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
    visibility: np.ndarray,
    box: np.ndarray,
    *,
    framing: plane.Framing,
    size: int,
) -> Batch:
    """One face as the square picture that the device turns, scales and crops.

    Args:
        photo: JPEG or PNG, encoded.
        points: landmarks, pixels of the photo.
        visibility: what became of each, int8, see `types.Batch`.
        box: of the face; the square lies around it.
        framing: how the square lies around the box.
        size: side of the picture, in its own pixels.

    Returns:
        The face, without leading axes: image uint8, the rest in pixels of it.
    """
    corner, side = square(box, framing=framing)
    image, scale = decode(photo, side_px=side, size=size)
    corners = np.reshape(box, (2, 2))
    return Batch(
        image=cut(image, np.asarray(box) * scale, framing=framing, size=size),
        points=((points - corner) * (size / side)).astype(np.float32),
        visibility=np.asarray(visibility, np.int8),
        box=((corners - corner) * (size / side)).astype(np.float32).reshape(4),
        mask=np.array(True),
    )


def rendered(
    photo: bytes,
    params: np.ndarray,
    bare: np.ndarray,
    thing: np.ndarray,
    box: np.ndarray,
    *,
    framing: plane.Framing,
    size: int,
) -> Rendered:
    """As `canvas`, of a rendered face that is in no scheme.

    Args:
        photo: JPEG or PNG, encoded.
        params: of the face, see `types.Rendered`.
        bare: how far off the bare head is.
        thing: which pixels a thing hides.
        box: of the face; the square lies around it.
        framing: how the square lies around it.
        size: side of the picture, in its own pixels.
    """
    pixel = np.array([[0.0, 0.0], [1.0, 1.0]])  # where the photo's first one lies
    face = canvas(photo, pixel, np.zeros(2), box, framing=framing, size=size)
    first, last = face.points
    return Rendered(
        image=face.image,
        params=params,
        bare=bare,
        thing=thing,
        corner=first,
        scale=(last - first)[0],
        box=face.box,
        mask=face.mask,
    )
