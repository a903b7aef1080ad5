"""What a program gives a detector: pictures and boxes, told what is wrong with them."""

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.images import reading
from lmkjax.landmarks import points as plane


def four(boxes: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """Boxes as float32 [n, 4].

    Raises:
        UserError: they are no list, or one is not four numbers.
    """
    try:
        array = np.array(boxes, np.float32)
        good = array.size == 4 * len(array)
    except (TypeError, ValueError):
        good = False
    if not good:
        came = boxes.tolist() if isinstance(boxes, np.ndarray) else boxes
        raise UserError(
            "Wanted a list of boxes, [[left, top, right, bottom], ...] in pixels; got"
            f" {came!r:.80}."
        )
    return array.reshape(-1, 4)


def pictures(images: Sequence[np.ndarray | Image.Image]) -> list[Image.Image]:
    """Pictures as `picture` has them.

    Raises:
        UserError: they are no list, or one is no picture.
    """
    alone = isinstance(images, np.ndarray) and images.ndim in (2, 3)
    if alone or not isinstance(images, Iterable):
        raise UserError(
            f"Wanted a list of pictures; got {type(images).__name__}. A single one is"
            " a list too: [image]."
        )
    return [picture(image) for image in images]


def picture(image: np.ndarray | Image.Image) -> Image.Image:
    """A picture as PIL, RGB, turned as its EXIF says.

    Raises:
        UserError: it is nothing of the kind.
    """
    if isinstance(image, Image.Image):
        try:
            return reading.seen(image)
        except (OSError, ValueError) as error:
            raise UserError(f"A picture cannot be read: {error}.") from error
    wanted = "Wanted a picture as uint8 [h, w, 3], RGB, or of PIL"
    if not isinstance(image, np.ndarray):
        raise UserError(
            f"{wanted}; got {type(image).__name__}. A file: lmkjax.images.reading.read;"
            " an array of another library: np.asarray."
        )
    came = f"{wanted}; got {image.dtype} {list(image.shape)}"
    if image.ndim == 2:
        raise UserError(f"{came}. Grey: give Image.fromarray(image).")
    if image.ndim == 4:
        raise UserError(f"{came}. Several pictures are a list: list(images).")
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[2] > 4:
        raise UserError(f"{came}. Channels first: image.transpose(1, 2, 0).")
    if image.ndim != 3 or image.shape[2] not in (3, 4) or not image.size:
        raise UserError(f"{came}.")
    if image.dtype.kind == "f":
        raise UserError(
            f"{came}. From 0 to 1: np.uint8(image * 255 + 0.5); to 255:"
            " np.uint8(image + 0.5)."
        )
    if image.dtype != np.uint8:
        wide = image.dtype == np.uint16
        hint = " Of 16 bits: np.uint8(image >> 8)." if wide else ""
        raise UserError(f"{came}.{hint}")
    if image.shape[2] == 4:
        raise UserError(f"{came}. RGBA: give Image.fromarray(image).")
    return Image.fromarray(image)


def batches(
    crops: list[np.ndarray], batch: int, size: int
) -> Iterable[tuple[jax.Array, int]]:
    """Crops as float batches of one size, and how many of each are real."""
    batch = batch if len(crops) > 1 else 1  # one face need not wait for a batch
    for first in range(0, len(crops), batch):
        part = crops[first : first + batch]
        images = np.zeros((batch, size, size, 3), np.float32)
        images[: len(part)] = np.stack(part) / np.float32(255)
        yield jnp.asarray(images), len(part)


def tight(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The boxes around points; the old ones where points make none to go on with."""
    new = plane.box(points)
    side, old = ((b[:, 2:] - b[:, :2]).max(-1) for b in (new, boxes))
    good = np.isfinite(new).all(-1) & (side > old / 20) & (side < old * 2)
    good &= (new[:, 2:] > new[:, :2]).all(-1)
    return np.where(good[:, None], new, boxes)
