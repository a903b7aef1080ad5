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


def test_a_title_may_hold_any_name_of_a_folder(tmp_path):
    """A "$" begins no formula: this one would be none."""
    told, title = {"within": {"0.5": 0.4}, "rank_correlation": 0.25}, "a$_{x$b"
    plots.write_curves(tmp_path / "a.png", {"direct": np.ones(2)}, title=title)
    plots.write_line(tmp_path / "b.png", [1, 2], [2.0, 1.0], title=title, label="")
    plots.write_calibration(tmp_path / "c.png", told, title=title)
    faces, points = np.zeros((1, 8, 8, 3)), {"truth": np.ones((1, 2, 2))}
    plots.write_faces(tmp_path / "d.png", faces, points, title=title)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.fixture
def figures(monkeypatch):
    """What is drawn, in place of a file."""
    drawn = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: drawn.append(figure))
    return drawn


def test_a_curve_steps_up_at_each_error_and_goes_on_to_the_limit(figures):
    errors = {"subset": np.array([3.0, 50.0, 2.0, 10.0])}
    plots.write_curves("ced.png", errors, title="stand-in")
    (line,) = figures[0].axes[0].lines
    np.testing.assert_allclose(line.get_xdata(), [0, 2, 3, 10, 10])
    np.testing.assert_allclose(line.get_ydata(), [0, 0.25, 0.5, 0.75, 0.75])
    assert line.get_drawstyle() == "steps-post"
    assert line.get_label() == "subset: median 6.50 %"


def test_the_least_of_a_training_is_marked_where_it_was(figures):
    plots.write_line("nme.png", [10, 20, 30], [5.0, 3.25, 4.0], title="", label="")
    line, least = figures[0].axes[0].lines
    np.testing.assert_allclose(line.get_xydata(), [[10, 5], [20, 3.25], [30, 4]])
    np.testing.assert_allclose(least.get_xydata(), [[20, 3.25]])
    assert least.get_label() == "least: 3.25 at step 20"


def test_calibration_is_drawn_as_it_was_measured(figures):
    told = {"within": {"0.95": 0.9, "0.5": 0.4}, "rank_correlation": 0.25}
    plots.write_calibration("c.png", told, title="")
    known = {"reliability": [[0.1, 0.2, 7], [0.9, 0.8, 5]], "auroc": {"visible": 0.75}}
    plots.write_calibration("c.png", told | known, title="")
    for figure, lines in zip(figures, (2, 3), strict=True):
        axes = figure.axes[0]
        assert len(axes.lines) == lines and "error 0.25" in axes.get_xlabel()
        np.testing.assert_allclose(
            axes.lines[1].get_xydata(), [[0.5, 0.4], [0.95, 0.9]]
        )
    np.testing.assert_allclose(axes.lines[2].get_xydata(), [[0.1, 0.2], [0.9, 0.8]])
    assert "visible 0.750" in axes.get_xlabel()


def test_a_point_is_drawn_at_its_pixel(tmp_path):
    image = np.zeros((1, 20, 30, 3), np.uint8)
    image[0, 4, 21] = 255, 0, 0  # its centre is (21.5, 4.5)
    truth = {"truth": np.array([[[21.5, 4.5]]], np.float32)}
    plots.write_faces(tmp_path / "f.png", image, truth, title="")
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
        plots.write_faces(tmp_path / "f.png", np.zeros((0, 4, 4, 3)), {}, title="")
