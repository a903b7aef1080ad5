"""Turned pictures: points stay on their pixels."""

import numpy as np
import pytest
from PIL import Image

from lmkjax.images import quarters


@pytest.mark.parametrize("turns", quarters.TURNS)
def test_points_follow_the_pixels_and_come_back(turns):
    image = np.zeros((30, 50, 3), np.uint8)
    image[4, 41] = 255
    turned = np.asarray(quarters.picture(Image.fromarray(image), turns))
    assert turned.shape == ((30, 50, 3) if turns % 2 == 0 else (50, 30, 3))
    np.testing.assert_array_equal(turned, np.rot90(image, turns))
    (row,), (column,) = np.nonzero(turned[..., 0])
    point = np.array([41.5, 4.5])
    there = quarters.forth(point, (50, 30), turns)
    np.testing.assert_array_equal(there, [column + 0.5, row + 0.5])
    np.testing.assert_array_equal(quarters.back(there, (50, 30), turns), point)
