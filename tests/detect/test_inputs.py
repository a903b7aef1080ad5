"""What a program gives a detector: pictures turned, boxes checked, faults told."""

import numpy as np
import pytest
from PIL import Image

from lmkjax.detect import inputs
from lmkjax.errors import UserError
from lmkjax.landmarks import points


def test_a_picture_of_pil_is_seen_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        seen = inputs.picture(image)
        assert seen.size == (30, 40) and seen.mode == "RGB"
        assert inputs.picture(seen).size == (30, 40)
    assert inputs.picture(Image.new("RGBA", (3, 2))).getpixel((0, 0)) == (255,) * 3


def test_an_array_is_taken_as_it_is():
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(inputs.picture(array)), array)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((5, 7, 3), np.float32), r"float32 \[5, 7, 3\].*image \* 255"),
        (np.zeros((5, 7), np.uint8), "Grey: give Image.fromarray"),
        (np.zeros((5, 7, 4), np.uint8), "RGBA: give Image.fromarray"),
        (np.zeros((5, 7, 3), np.uint16), "16 bits: np.uint8"),
        (np.zeros((5, 7, 3), bool), r"got bool \[5, 7, 3\]\.$"),
        (
            np.zeros((3, 50, 70), np.uint8),
            r"Channels first: image.transpose\(1, 2, 0\)",
        ),
        (np.zeros((2, 5, 7, 3), np.uint8), r"list\(images\)"),
        (np.zeros((0, 7, 3), np.uint8), r"uint8 \[0, 7, 3\]"),
        (np.zeros((5, 7, 2), np.uint8), r"uint8 \[5, 7, 2\]"),
        ("photo.jpg", "got str. A file: lmkjax.images.reading.read"),
        ([[1]], "got list"),
        (Image.fromarray(np.full((5, 7), np.nan, np.float32)), "cannot be read"),
    ],
)
def test_another_picture_is_told_what_would_do(image, words):
    with pytest.raises(UserError, match=words) as caught:
        inputs.picture(image)
    assert "\n" not in str(caught.value)


def test_boxes_are_four_numbers_each():
    assert inputs.four([]).shape == (0, 4)
    assert inputs.four([(1, 2, 3, 4)]).dtype == np.float32
    wrong = ([[1, 2, 3]], [[1, 2, 3, 4, 0.9]], [None], [["a"] * 4], [1, 2, 3, 4], 7)
    for boxes in (*wrong, np.arange(1, 5)):
        with pytest.raises(UserError, match="Wanted a list of boxes") as caught:
            inputs.four(boxes)
        came = boxes.tolist() if isinstance(boxes, np.ndarray) else boxes
        assert str(caught.value).endswith(f"got {came!r}.")


def test_boxes_around_points_that_lie_on_a_line_stay_as_they_were():
    across, old = np.array([[[2.0, 5.0], [30.0, 5.0]]]), np.array([[0.0, 0, 40, 40]])
    assert isinstance(points.box(across), np.ndarray)  # it stays on the host
    np.testing.assert_array_equal(points.box(across), [[2, 5, 30, 5]])
    np.testing.assert_array_equal(inputs.tight(across, old), old)
    np.testing.assert_array_equal(
        inputs.tight(across + [[0, 0], [0, 9]], old), [[2, 5, 30, 14]]
    )


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (Image.new("RGB", (5, 7)), "got Image"),
        (np.zeros((5, 7, 3), np.uint8), "got ndarray"),
        (np.zeros((5, 7), np.uint8), "got ndarray"),
        (7, "got int"),
    ],
)
def test_one_picture_is_no_list_of_pictures(images, came):
    with pytest.raises(UserError, match=rf"a list of pictures; {came}.*\[image\]"):
        inputs.pictures(images)
    if not isinstance(images, int):
        two = [np.zeros((5, 7, 3), np.uint8)] * 2
        assert len(inputs.pictures(np.stack(two))) == len(inputs.pictures(two)) == 2
