"""How sharp and how clean pictures of faces are: their power by frequency.

What is blurred lacks power at high frequencies, what is noisy has too much of it.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, UInt8

from lmkjax.landmarks import points
from lmkjax.types import typed

SIDE, FRAMING = 128, points.Framing(1.35)
"""Of the square around a face: pixels, and how it lies around the box."""
MIDDLE = 96
"""Side of the part that is looked at, pixels."""
RINGS = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5])
"""Between them power is averaged; cycles per pixel."""
PERCENTILES = (10, 50, 90)
"""Over faces."""


@dataclasses.dataclass(frozen=True)
class Sharpness:
    """Of many pictures.

    Attributes:
        count: of them.
        power: at each of `PERCENTILES` in each ring but the first: decimal logarithm
            of the power, over that in the first ring [3 r].
    """

    count: int
    power: Float[np.ndarray, "3 r"]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Rendered pictures and, where there are some, photos."""

    rendered: Sharpness
    real: Sharpness | None


@typed
def power(square: UInt8[np.ndarray, "s s 3"]) -> Float[np.ndarray, " r"]:
    """A picture's power in each ring but the first, over that in the first.

    Args:
        square: RGB, `SIDE` pixels wide.

    Returns:
        Decimal logarithms.
    """
    rim = (SIDE - MIDDLE) // 2
    grey = (square @ np.array([0.299, 0.587, 0.114]))[rim:-rim, rim:-rim]
    fade = np.hanning(MIDDLE)  # or the picture's edges would count as detail
    waves = np.abs(np.fft.fft2((grey - grey.mean()) * np.outer(fade, fade))) ** 2
    along = np.fft.fftfreq(MIDDLE)
    ring = np.digitize(np.hypot(along[:, None], along[None]), RINGS)
    rings = [waves[ring == number].mean() for number in range(1, len(RINGS))]
    found = np.log10(np.array(rings) + 1e-9)
    return found[1:] - found[0]


def measure(squares: Iterable[np.ndarray]) -> Sharpness:
    """Of all pictures together, each as for `power`."""
    found = np.array([power(square) for square in squares])
    return Sharpness(len(found), np.percentile(found, PERCENTILES, axis=0))
