"""What the page shows of a photo, and what it refuses, told without a server."""

import json

import numpy as np
import pytest
from PIL import Image

from lmkjax.detect import detection
from lmkjax.detect.finder import looking
from lmkjax.errors import UserError
from lmkjax.landmarks import schemes
from lmkjax.serving import answering


class Detector:
    """Finds a face, or so many, always the same, in each photo."""

    def __init__(self, count=1, more=0, own="ibug68"):
        self._count, self._more, self._own = count, more, schemes.get(own)
        self.scheme = self._own.name

    def scheme_of(self, name):
        return self._own if name == self.scheme else schemes.get(name)

    def search(self, photo):
        boxes = np.tile(np.float32([10, 20, 50, 60]), (self._count, 1))
        return looking.Found(boxes, np.full(self._count, 0.9, np.float32), self._more)

    def find(self, photos, boxes, *, scheme):
        n, k = len(boxes), scheme.count
        points = np.stack([np.linspace(10, 50, k), np.linspace(20, 60, k)], -1)
        return detection.Faces(
            np.tile(np.float32(points), (n, 1, 1)),
            np.full((n, k), 2, np.float32),
            boxes,
            np.tile(np.float32([0.7, 0.1, 0.1, 0.1]), (n, k, 1)),
        )


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (80, 70), "blue").save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_a_photo_is_answered_by_a_picture_and_the_json_of_predict(photo):
    said = answering.answer(Detector(), photo, scheme="ibug68")
    assert said.told == "1 face." and said.picture.size == (80, 70)
    assert (np.asarray(said.picture)[..., 1] > 200).any()
    (face,) = json.loads(answering.text(said.content, "a.png"))["a.png"]["faces"]
    assert face["box"] == [10, 20, 50, 60] and len(face["points"]) == 68
    assert set(face) == {"score", "box", "points", "uncertainty", "visibility"}


def test_no_face_is_said_and_of_very_many_the_surest_are_shown(photo):
    none = answering.answer(Detector(0), photo, scheme="ibug68")
    assert none.told == "No face found." and none.head is None
    assert none.content["faces"] == []
    many = answering.answer(Detector(60, more=7), photo, scheme="ibug68")
    assert many.told == "50 faces; 17 more are not shown."
    assert len(many.content["faces"]) == 50


def test_a_large_photo_is_shown_small_and_told_large(tmp_path):
    Image.new("RGB", (4000, 300)).save(tmp_path / "a.png")
    said = answering.answer(Detector(), tmp_path / "a.png", scheme="ibug68")
    assert said.picture.width == answering.SHOWN
    assert max(said.content["faces"][0]["points"][-1]) == 60


def test_a_scheme_of_ones_own_is_asked_for(photo, tmp_path):
    (tmp_path / "mine.yaml").write_text("nose_bridge: 7\n")
    name = str(tmp_path / "mine.yaml")
    said = answering.answer(Detector(), photo, scheme=name)
    assert len(said.content["faces"][0]["points"]) == 7
    assert said.content["scheme"] == schemes.get(name).name
    of_its_own = answering.answer(Detector(own=name), photo, scheme="mine")
    assert of_its_own.content == said.content


@pytest.mark.parametrize(
    ("content", "wanted"), [(b"no picture", "wanted a photo"), (b"", "wanted a photo")]
)
def test_what_is_no_photo_is_one_line(tmp_path, content, wanted):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match=wanted):
        answering.answer(Detector(), tmp_path / "a.jpg", scheme="ibug68")


def test_huge_photos_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    Image.new("1", (8000, 6000)).save(tmp_path / "wide.png")
    with pytest.raises(UserError, match="40 million pixels; it has 8000 x 6000"):
        answering.answer(Detector(), tmp_path / "wide.png", scheme="ibug68")
    monkeypatch.setattr(answering, "BYTES", 10)
    with pytest.raises(UserError, match="it has"):
        answering.answer(Detector(), tmp_path / "wide.png", scheme="ibug68")


def test_no_photo_and_no_scheme_are_one_line_each(photo, tmp_path):
    with pytest.raises(UserError, match="drop one"):
        answering.answer(Detector(), None, scheme="ibug68")
    (tmp_path / "bad.yaml").write_text("[1, 2")
    for scheme in ("nothing", str(tmp_path / "bad.yaml")):
        with pytest.raises(UserError):
            answering.answer(Detector(), photo, scheme=scheme)
