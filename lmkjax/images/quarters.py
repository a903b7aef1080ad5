"""Pictures turned by quarters, and the points in them; NumPy and Pillow."""

import numpy as np
from PIL import Image

TURNS = (0, 1, 2, 3)
"""By how many quarters a picture can be turned, counterclockwise."""
_WAYS = (None, Image.ROTATE_90, Image.ROTATE_180, Image.ROTATE_270)


def picture(image: Image.Image, turns: int) -> Image.Image:
    """A picture turned counterclockwise by so many quarters."""
    way = _WAYS[turns]
    return image if way is None else image.transpose(way)


def forth(points: np.ndarray, size: tuple[int, int], turns: int) -> np.ndarray:
    """Points of a picture, where they lie in the turned one.

    Args:
        points: [..., 2], pixels, (0, 0) the picture's outer corner.
        size: of the picture before it is turned, width and height.
        turns: as of `picture`.
    """
    wide, high = size
    for _ in range(turns):
        points = np.stack([points[..., 1], wide - points[..., 0]], -1)
        wide, high = high, wide
    return points


def back(points: np.ndarray, size: tuple[int, int], turns: int) -> np.ndarray:
    """Points of the turned picture, where they lie in the picture; undoes `forth`."""
    turned = size[::-1] if turns % 2 else size
    return forth(points, turned, -turns % len(TURNS))
