"""A user's photos and boxes: names, EXIF, refusals, and nothing half-written."""

import json

import numpy as np
import pytest
from PIL import Image

from lmkjax.detect import photos
from lmkjax.errors import UserError
from lmkjax.images import finding

SCHEME = "ibug68"


def save(path, width=40, height=30, mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (width, height)).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "in/a.jpg")
    save(tmp_path / "in/b.png", 50, 60, mode="L")
    save(tmp_path / "in/sub/a.jpg", 20, 10)
    (tmp_path / "in/notes.txt").write_text("no photo")
    return tmp_path / "in"


def faces(images, boxes, *, scheme):
    """Points on the diagonal of each picture, as a detector would give them."""
    assert scheme == SCHEME
    sizes = np.array([image.size for image in images], np.float32)
    points = np.linspace(0 * sizes, sizes, 68, axis=1)
    whole = np.concatenate([0 * sizes, sizes], -1)
    uncertainty = np.full((len(images), 68), 0.5)
    return points, uncertainty, whole if boxes is None else np.array(boxes)


def write_boxes(tmp_path, content):
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(content))
    return file


BOXES = {"a.jpg": [1, 2, 30, 20], "b.png": {"box": [0, 0, 50, 60]}}


def test_boxes_are_read_in_the_order_of_the_photos(tmp_path):
    boxes = photos.read_boxes(write_boxes(tmp_path, BOXES), {"b.png": 0, "a.jpg": 0})
    assert list(boxes) == ["b.png", "a.jpg"]
    np.testing.assert_array_equal(boxes["b.png"], [0, 0, 50, 60])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOXES | {"c.jpg": [0, 0, 1, 1]}, "no photo 'c.jpg'.*'a.jpg', 'b.png'"),
        ({"a.jpg": [0, 0, 1, 1]}, "'b.png' has none"),
        (BOXES | {"a.jpg": [0, 0, float("nan"), 1]}, "'a.jpg' wants"),
        (BOXES | {"a.jpg": [5, 0, 5, 1]}, "'a.jpg' wants"),
        (BOXES | {"a.jpg": [0, 0, 1]}, "'a.jpg' wants"),
        (BOXES | {"a.jpg": "all"}, "'a.jpg' wants.*'all'"),
        ([1], "got list"),
    ],
)
def test_boxes_that_are_none_are_refused(tmp_path, content, words):
    file = write_boxes(tmp_path, content)
    with pytest.raises(UserError, match=words) as caught:
        photos.read_boxes(file, {"a.jpg": 0, "b.png": 0})
    assert "boxes.json" in str(caught.value)


def test_points_and_overlays_are_written(folder, tmp_path):
    found, out = finding.find([folder]).photos, tmp_path / "new/out"
    assert photos.annotate(faces, found, out, scheme=SCHEME, together=2) == 3
    content = json.loads((out / "points.json").read_text())
    assert list(content) == list(found)
    face = content["b.png"]
    assert set(face) == {"box", "points", "uncertainty", "scheme", "convention"}
    assert face["points"][67] == [50, 60] and len(face["uncertainty"]) == 68
    assert face["box"] == [0, 0, 50, 60] and face["scheme"] == SCHEME
    overlays = sorted(path.name for path in (out / "overlays").iterdir())
    assert overlays == ["a.jpg.png", "b.png.png", "sub_a.jpg.png"]
    with Image.open(out / "overlays/b.png.png") as picture:
        assert picture.size == (50, 60)


def test_an_earlier_result_is_replaced_and_other_folders_are_left_alone(folder):
    found, out = finding.find([folder]).photos, folder.parent / "out"
    photos.annotate(faces, found, out, scheme=SCHEME)
    photos.annotate(faces, {"a.jpg": found["a.jpg"]}, out, scheme=SCHEME)
    assert list(json.loads((out / "points.json").read_text())) == ["a.jpg"]
    assert len(list((out / "overlays").iterdir())) == 1
    with pytest.raises(UserError, match="already holds 'a.jpg'"):
        photos.annotate(faces, found, folder, scheme=SCHEME)
    with pytest.raises(UserError, match="is a file"):
        photos.annotate(faces, found, folder / "a.jpg", scheme=SCHEME)
    assert sorted(p.name for p in folder.parent.iterdir()) == ["in", "out"]


def test_a_fault_on_the_way_leaves_nothing_behind(folder, tmp_path):
    found = finding.find([folder]).photos
    (folder / "b.png").write_bytes(b"broken")
    with pytest.raises(UserError, match="b.png"):
        photos.annotate(faces, found, tmp_path / "out", scheme=SCHEME, together=1)

    def diverged(images, boxes, *, scheme):
        points, uncertainty, box = faces(images, boxes, scheme=scheme)
        return points * np.nan, uncertainty, box

    one = {"a.jpg": found["a.jpg"]}
    with pytest.raises(UserError, match="a.jpg: .* not finite"):
        photos.annotate(diverged, one, tmp_path / "out", scheme=SCHEME)
    outside = {"a.jpg": np.array([100.0, 0, 120, 20])}
    with pytest.raises(UserError, match="a.jpg: .* 40 x 30"):
        photos.annotate(faces, one, tmp_path / "out", boxes=outside, scheme=SCHEME)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
