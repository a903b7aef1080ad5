"""What is behind a face: part of a user's own pictures, or an invented background."""

import pathlib
import sys
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float, UInt8
from PIL import Image, ImageOps

from lmkjax.errors import UserError
from lmkjax.face.optics import rare, sensor
from lmkjax.face.paint import scenery
from lmkjax.images import filters, finding, reading
from lmkjax.types import typed

SIDE = 192
"""Pixels of the side that a picture is kept with."""
KIND = Image.Resampling.LANCZOS
MOST = 256
"""Pictures kept, 28 MB of memory: they lie on the device beside the network."""


Pictures = UInt8[Array | np.ndarray, "n s s 3"]


@struct.dataclass
class Backdrop:
    """Which part of which picture is behind a face.

    Attributes:
        there: 1 = a picture, if there are some; 0 = the scene's own background.
        which: 0 to 1, of all pictures.
        place: 0 to 1, across and down, of the part in what is left of the picture.
        side: of the part, in the picture's sides, above 0 to 1.
        flip: 1 = mirrored.
        blur: standard deviation in 1/128 of what is seen.
        level: factor on its light.
    """

    there: Float[Array, "*b"]
    which: Float[Array, "*b"]
    place: Float[Array, "*b 2"]
    side: Float[Array, "*b"]
    flip: Float[Array, "*b"]
    blur: Float[Array, "*b"]
    level: Float[Array, "*b"]


def find(folder: str | pathlib.Path) -> list[pathlib.Path]:
    """The pictures of a folder and its sub-folders that are used: at most `MOST`.

    Of more, every so manieth by name is taken: always the same ones.

    Raises:
        UserError: there is no such folder, or no picture in it.
    """
    return _some(finding.find([folder]).photos)


def _some(photos: Mapping[str, pathlib.Path]) -> list[pathlib.Path]:
    """`MOST` of the files, or all if they are fewer."""
    files = list(photos.values())
    steps = np.arange(min(len(files), MOST)) * len(files) // min(len(files), MOST)
    return [files[step] for step in steps]


def load(folder: str | pathlib.Path) -> np.ndarray:
    """The pictures of a folder, each the square of its middle: uint8 [n s s 3].

    One that cannot be read is left out, and named on stderr.

    Raises:
        UserError: there is no such folder, or no picture in it that can be read.
    """
    found = finding.find([folder])
    images, faults = [], []
    for file in _some(found.photos):
        try:
            image = ImageOps.fit(reading.read(file), (SIDE, SIDE), KIND)
            images.append(np.asarray(image))
        except UserError as error:
            faults.append(str(error))
    if not images:
        raise UserError(f"{folder}: none of its pictures can be read; {faults[0]}")
    for line in [*found.notes, *(f"Left out {fault}" for fault in faults)]:
        print(line, file=sys.stderr)
    return np.stack(images)


@typed
def behind(
    stack: Pictures | None,
    choice: Backdrop,
    scene: scenery.Scene,
    exposure: Float[Array, ""],
    *,
    size: int,
) -> Float[Array, "{size} {size} 3"]:
    """The light from what is behind a face.

    Args:
        stack: the user's pictures; None = there are none.
        choice: which part of which.
        scene: what is there instead.
        exposure: the sensor's: a picture looks as bright as it is, whatever the face
            asks of the camera.
        size: side of what comes back, pixels.
    """
    if stack is None:
        return scenery.background(scene, size=size)

    def photo(_, stack, choice, exposure):
        light = sensor.inverse_tone(cut(stack, choice, size=size))
        return light * choice.level / exposure

    def invented(_, scene):
        return scenery.background(scene, size=size)

    there, empty = choice.there > 0, jnp.zeros((size, size, 3))
    seen = rare.when(there, photo, empty, jnp.asarray(stack), choice, exposure)
    return rare.when(~there, invented, seen, scene)


@typed
def cut(
    stack: Pictures, choice: Backdrop, *, size: int
) -> Float[Array, "{size} {size} 3"]:
    """The chosen part of the chosen picture, 0 to 1.

    Args:
        stack: the pictures.
        choice: which part; `level` and `there` are not read.
        size: side of what comes back, pixels.
    """
    stack, side = jnp.asarray(stack), stack.shape[1]
    number = jnp.minimum(choice.which * len(stack), len(stack) - 1.0)
    picture = stack[number.astype(jnp.int32)].astype(jnp.float32) / 255
    across = (jnp.arange(size) + 0.5) / size
    mirrored = jnp.where(choice.flip > 0, 1 - across, across)
    left, top = choice.place * (1 - choice.side)
    columns, rows = left + mirrored * choice.side, top + across * choice.side
    # Of the picture's pixels: half of one that is seen, or the blur.
    seen = choice.side * side
    sigma = jnp.hypot(0.4 * jnp.maximum(seen / size, 1.0), choice.blur * seen / 128)
    pick = [_pick(place * side, sigma, side) for place in (rows, columns)]
    return filters.mix(picture, *pick)


def _pick(place_px, sigma_px, side):
    """What each new pixel is made of, if it looks at this place."""
    apart = place_px[:, None] - (jnp.arange(side)[None] + 0.5)
    return jax.nn.softmax(-((apart / sigma_px) ** 2) / 2, axis=-1)
