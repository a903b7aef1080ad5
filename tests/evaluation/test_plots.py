"""Pictures of results: files that open, points where they belong, refusals."""

import numpy as np
import pytest
from PIL import Image

from lmkjax.evaluation import plots


def size_of(path):
    with Image.open(path) as image:
        return image.size


def test_curves_are_drawn_even_where_nobody_counted(tmp_path):
    errors = {"subset": np.array([2.0, 3.0, 50.0]), "adapted": np.zeros(0)}
    plots.write_curves(tmp_path / "ced.png", errors, title="stand-in")
    assert size_of(tmp_path / "ced.png") > (300, 200)


def test_a_point_is_drawn_at_its_pixel(tmp_path):
    image = np.zeros((1, 20, 30, 3), np.uint8)
    image[0, 4, 21] = 255, 0, 0  # its centre is (21.5, 4.5)
    plots.write_faces(
        tmp_path / "f.png", image, {"truth": np.array([[[21.5, 4.5]]], np.float32)}
    )
    with Image.open(tmp_path / "f.png") as picture:
        drawn = np.asarray(picture.convert("RGB")).astype(int)
    red = np.argwhere((drawn[..., 0] > 200) & (drawn[..., 1] < 60))
    legend = len(drawn) * 0.85  # below it the legend repeats the colour
    green = np.argwhere(drawn[..., 1] - drawn[..., 0] > 80)
    green = green[green[:, 0] < legend]
    assert len(red) and len(green)
    np.testing.assert_allclose(green.mean(0), red.mean(0), atol=1.5)


def test_no_face_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one face"):
        plots.write_faces(tmp_path / "f.png", np.zeros((0, 4, 4, 3)), {})
