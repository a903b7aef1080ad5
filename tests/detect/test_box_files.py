"""Files of boxes: forms of other tools, what one bad box costs, what is refused."""

import json

import numpy as np
import pytest

from lmkjax.detect import box_files
from lmkjax.errors import UserError

PHOTOS = ["a.jpg", "b.png"]
GOOD = {"a.jpg": [1, 2, 30, 20], "b.png": [0, 0, 50, 60]}


def read(tmp_path, content, *, photos=PHOTOS, form=None):
    file = tmp_path / "boxes.json"
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    return box_files.read(file, photos, form=form)


@pytest.mark.parametrize(
    "value",
    [
        [1, 2, 30, 20],
        [1, 2, 30, 20, 0.9],
        [[1, 2, 30, 20]],
        {"box": [1, 2, 30, 20], "points": 3},
        {"faces": [{"box": [1, 2, 30, 20]}]},
        [[1, 9], [30, 2], [7, 20]] + [[5, 5]] * 65,  # 68 points
    ],
)
def test_a_box_comes_in_several_forms(tmp_path, value):
    found = read(tmp_path, GOOD | {"a.jpg": value})
    assert list(found.boxes) == PHOTOS and not found.faults and not found.notes
    np.testing.assert_array_equal(found.boxes["a.jpg"], [[1, 2, 30, 20]])


def test_several_boxes_are_several_faces(tmp_path):
    found = read(tmp_path, GOOD | {"a.jpg": [[1, 2, 30, 20], [5, 5, 9, 9, 0.5]]})
    np.testing.assert_array_equal(found.boxes["a.jpg"], [[1, 2, 30, 20], [5, 5, 9, 9]])
    assert found.several == {"a.jpg"}


def test_what_render_writes_is_read(tmp_path):
    faces = {n: {"box": b, "points": [], "visibility": []} for n, b in GOOD.items()}
    found = read(tmp_path, {"scheme": "ibug68", "seed": 0, "faces": faces})
    np.testing.assert_array_equal(found.boxes["b.png"], [[0, 0, 50, 60]])


def test_left_top_width_height_if_said_so(tmp_path):
    found = read(tmp_path, {n: [9, 9, 5, 7] for n in PHOTOS}, form="xywh")
    np.testing.assert_array_equal(found.boxes["a.jpg"], [[9, 9, 14, 16]])
    with pytest.raises(UserError, match="of 2 boxes 2 .*--box-format xywh"):
        read(tmp_path, {n: [9, 9, 5, 7] for n in PHOTOS})
    told = read(tmp_path, {n: [9, 9, 5, 7] for n in PHOTOS}, form="corners")
    assert list(told.faults) == PHOTOS


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([5, 0, 5, 9], "no size"),
        ([0, 0, float("nan"), 1], "no size"),
        ([1e300, 0, 1e301, 1], "no size"),
        ([5, 5, 6, 6], "fewer than 4"),
        (None, "no box for it"),
        ([], "no box for it"),
        ({"error": "cut off"}, r"no box for it \(cut off\)"),
        ("left out", "no box for it"),
    ],
)
def test_a_bad_box_costs_its_photo(tmp_path, value, words):
    content = GOOD | {"a.jpg": value}
    if value == "left out":
        del content["a.jpg"]
    found = read(tmp_path, content)
    assert list(found.boxes) == ["b.png"] and list(found.faults) == ["a.jpg"]
    with pytest.raises(UserError, match=words):
        raise UserError(found.faults["a.jpg"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"c.jpg": [0, 0, 9, 9]}, "no photo 'c.jpg'.*'a.jpg', 'b.png'"),
        (GOOD | {"a.jpg": [0, 0, 9]}, r"'a.jpg' wants .*got \[0, 0, 9\]"),
        (GOOD | {"a.jpg": [0, 0, 9, 9, 12]}, "'a.jpg' wants .*score from 0 to 1"),
        (GOOD | {"a.jpg": "all"}, "'a.jpg' wants.*'all'"),
        (GOOD | {"a.jpg": [0, 0, 9, 9, 1, 2]}, "'a.jpg' wants"),
        (GOOD | {"a.jpg": {"bbox": [0, 0, 9, 9]}}, "'a.jpg' wants.*got {'bbox'"),
        ({n: [0.1, 0.2, 0.5, 0.9] for n in PHOTOS}, "shares of a photo"),
        (
            '{"a.jpg": [0, 0, 9, 9], "a.jpg": [1, 1, 9, 9]}',
            "'a.jpg' stands in it twice",
        ),
        ([1], "got list"),
        ({}, "nothing in it"),
        ("{", "wanted a JSON file"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, words):
    with pytest.raises(UserError, match=words) as caught:
        read(tmp_path, content)
    assert "boxes.json" in str(caught.value) and "\n" not in str(caught.value)


def test_names_of_no_photo_are_told(tmp_path):
    found = read(tmp_path, GOOD | {"c.jpg": [0, 0, 9, 9]})
    assert len(found.boxes) == 2 and "1 names" in found.notes[0]
    assert "'c.jpg'" in found.notes[0]
