"""The axes lie where the head's own axes are seen."""

import numpy as np

from lmkjax.fitting import axes, fits


def test_a_face_to_the_camera_has_x_to_the_right_and_y_up():
    one, none = np.ones(1, "f"), np.zeros((1, 3), "f")
    fitted = fits.Heads(
        none, none, none, none, none, none, 400 * one, 60 * one, 50 + none[:, :2],
        one, one > 0,
    )  # fmt: skip
    found = np.asarray(axes.draw(np.full((100, 120, 3), 128, "u1"), fitted, 0))
    assert found.shape == (200, 240, 3)
    places = {
        name: np.argwhere((found == colour).all(-1)).mean(0)
        for name, colour in axes.COLOURS.items()
    }
    assert places["x"][1] > 110 and abs(places["x"][0] - 100) < 6
    assert places["y"][0] < 90 and abs(places["y"][1] - 100) < 6
    blind = fitted._replace(residual_px=one * np.nan)
    assert (np.asarray(axes.draw(found, blind, 0))).shape == (400, 480, 3)
