"""Pictures as one sees them: RGB of 8 bits, turned as their EXIF says."""

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from lmkjax.errors import UserError

LIMIT = 256_000_000
"""Pixels of the largest picture that is read: as RGB it takes 1 GB of memory."""
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM")
FORMATS += ("AVIF", "HEIF", "JPEG2000", "TGA")
"""What Pillow may take a file for; others of its kinds start programs, or are none."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PHOTOMETRIC, _BITS = 262, 258  # tags of TIFF
_LOCK = threading.Lock()


def read(path: str | os.PathLike) -> Image.Image:
    """A photo as one sees it; of several frames the first.

    Raises:
        UserError: it is missing, no image, damaged or too large.
    """
    try:
        with opened(path) as image:
            return seen(image)
    except UnidentifiedImageError:
        reason = "this is no image, or of a kind unknown here"
    except MemoryError:
        reason = "it does not fit into memory"
    except Exception as error:  # a damaged file makes decoders raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
    raise UserError(
        f"{path}: wanted a photo that can be read; {reason.removesuffix('.')}. Take it"
        " out or save it as PNG or JPEG."
    )


def stored(data: bytes, *, name: str | os.PathLike) -> bytes:
    """A photo as datasets keep it: its own bytes, if these are JPEG or PNG in RGB.

    A phone's JPEG with more pictures behind the first (MPO) is one, too.
    Any other comes as a PNG in RGB, see `rgb`; none is turned.

    Args:
        data: what its file holds.
        name: of the file, for the message.

    Raises:
        UserError: it is no image, damaged or too large, or its EXIF turns it.
    """
    try:
        with opened(io.BytesIO(data)) as image:
            image.load()
            if _turn(image) is not None:
                raise UserError(
                    f"{name}: its EXIF says to turn it, and nobody knows whether its"
                    " points are of the turned photo. Save it as they see it, without"
                    " EXIF."
                )
            plain = image.mode == "RGB" and not image.has_transparency_data
            if plain and image.format in ("JPEG", "MPO", "PNG"):
                return data
            rewritten = io.BytesIO()
            rgb(image).save(rewritten, "PNG")
            return rewritten.getvalue()
    except UserError:
        raise
    except UnidentifiedImageError:
        reason = "this is no image, or of a kind unknown here"
    except Exception as error:  # a damaged file makes decoders raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
    raise UserError(f"{name}: not a photo that can be read ({reason}).")


def opened(file: str | os.PathLike | BinaryIO) -> Image.Image:
    """A picture of which only the head is read yet.

    Raises:
        ValueError: it has more than `LIMIT` pixels.
        OSError: it is missing, or no image (`UnidentifiedImageError`).
    """
    Image.init()
    with _calm():
        kinds = [name for name in FORMATS if name in Image.OPEN]
        image = Image.open(file, formats=kinds)
    if image.width * image.height > LIMIT:
        size = f"{image.width} x {image.height} pixels"
        image.close()
        raise ValueError(
            f"it has {size}, and more than {LIMIT // 10**6} megapixels are not read;"
            " shrink it"
        )
    return image


def seen(image: Image.Image) -> Image.Image:
    """Any picture as RGB of 8 bits, turned as its EXIF says.

    EXIF that cannot be understood turns nothing.

    Raises:
        ValueError: see `rgb`.
        OSError: its pixels are damaged.
    """
    image.load()  # what stands behind the pixels of a PNG is known then
    turn, image = _turn(image), rgb(image)
    if turn is None:
        return image
    image = image.transpose(turn)
    image.info = {}  # or it would be turned again
    return image


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How EXIF says that a picture is to be turned; None = it does not."""
    with _calm(), contextlib.suppress(Exception):  # broken EXIF raises anything
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    return None


def rgb(image: Image.Image) -> Image.Image:
    """Any picture of Pillow's as RGB of 8 bits, not turned.

    Grey of 16 bits is scaled; what is transparent shows white behind it. Grey of 32
    bits or of real numbers bears no range: it is taken to go to 1 (real numbers),
    255 or 65,535, whichever its largest number fits in.

    Args:
        image: of any mode; one that is RGB already is not copied.

    Raises:
        ValueError: its numbers are below 0, above 65,535 or not finite.
        OSError: its pixels are damaged.
    """
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode in ("I", "F"):
        return _from_numbers(image)
    if image.mode == "LAB":
        lab, srgb = map(ImageCms.createProfile, ("LAB", "sRGB"))
        return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        behind = Image.new("RGB", image.size, "white")
        behind.paste(image, mask=image.getchannel("A"))
        return behind
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits; in a TIFF it may count from white, or have 12 bits."""
    tags = getattr(image, "tag_v2", {})
    bits = tags[_BITS][0] if _BITS in tags else 16
    shades = np.minimum(np.arange(2**16) / (2**bits - 1), 1)
    if _PHOTOMETRIC in tags and tags[_PHOTOMETRIC] == 0:
        shades = 1 - shades
    if isinstance(image.info.get("transparency"), int):
        shades[image.info["transparency"]] = 1  # white behind it
    grey = np.uint8(shades * 255 + 0.5)[np.asarray(image)]
    return Image.fromarray(grey).convert("RGB")


def _from_numbers(image: Image.Image) -> Image.Image:
    """Grey of 32 bits, or of real numbers."""
    grey = np.asarray(image)
    low, high = grey.min(), grey.max()
    tops = [top for top in (1, 255, 65535) if high <= top]
    if image.mode == "I":
        tops = [top for top in tops if top > 1]
    if image.format == "PPM" and image.mode == "I":  # Pillow has scaled it to 16 bits
        tops = [65535]
    if not (np.isfinite([low, high]).all() and low >= 0 and tops):
        raise ValueError(
            f"its numbers go from {low} to {high}, wanted 0 to 1, 255 or 65535; save"
            " it with 8 or 16 bits"
        )
    grey = np.uint8(grey * np.float32(255 / tops[0]) + np.float32(0.5))
    return Image.fromarray(grey).convert("RGB")


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    """Keeps Pillow's notes on odd files back, and its own limit of a picture's size.

    Both are the whole process's, hence the lock; nothing slow happens inside.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
