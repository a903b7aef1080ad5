"""Faces followed by the boxes of the last picture, lost and found again."""

import numpy as np
import pytest
from PIL import Image

from lmkjax.detect import detection
from lmkjax.detect.finder import looking, overlaps
from lmkjax.landmarks import schemes
from lmkjax.video import tracking

RNG = np.random.default_rng(0)
SHAPE = RNG.uniform(size=(68, 2))
SHAPE = (SHAPE - SHAPE.min(0)) / np.ptp(SHAPE, axis=0)
BLANK = Image.new("RGB", (400, 300))


class Detector:
    """Finds the face nearest to each box, among those that are there now."""

    scheme = "ibug68"

    def __init__(self):
        self.there, self.doubt, self.looks = [], 0.01, []

    def scheme_of(self, name):
        return schemes.get(name)

    def find(self, images, boxes=None, *, scheme=None):
        self.looks.append(None if boxes is None else np.array(boxes))
        if boxes is None:
            boxes = [self.there[0] if self.there else (0, 0, 400, 300)] * len(images)
        points, doubts = [], []
        for box in np.asarray(boxes, float):
            near = [overlaps.alike(box, np.array(own)) for own in self.there]
            here = max(near, default=0) > 0
            own = np.array(self.there[int(np.argmax(near))] if here else box, float)
            shape = SHAPE[: schemes.get(scheme or self.scheme).count]
            points.append(own[:2] + shape * (own[2:] - own[:2]))
            doubt = (self.doubt if here else 0.2) * (own[2] - own[0])
            doubts.append(np.full(len(shape), doubt))
        return detection.Faces(
            np.float32(points), np.float32(doubts), np.float32(boxes), None
        )

    def search(self, image, *, upright=False):
        return of(self.there)


def of(boxes):
    """Boxes as a finder tells them."""
    boxes = np.float32(boxes).reshape(-1, 4)
    return looking.Found(boxes, np.ones(len(boxes), np.float32), 0)


def box(x, y, side=60):
    return (x, y, x + side, y + side)


@pytest.fixture
def detector():
    return Detector()


def test_a_face_is_read_by_the_box_that_it_had_in_the_last_picture(detector):
    follow = tracking.Tracker(detector, smooth=False)
    for i in range(5):
        detector.there = [box(50 + 10 * i, 40)]
        (face,) = follow(BLANK, i * 0.04)
        np.testing.assert_allclose(face.box, detector.there[0], atol=1e-3)
        assert face.number == 1
    assert sum(look is None for look in detector.looks) == 1
    np.testing.assert_allclose(detector.looks[-1], [box(80, 40)], atol=1e-3)


@pytest.mark.parametrize("scheme", ["ibug68", "mine.yaml"])
def test_what_is_compiled_beforehand_is_all_that_a_face_takes(
    tmp_path, monkeypatch, scheme
):
    (tmp_path / "mine.yaml").write_text("right_iris: 4\nleft_iris: 4\n")
    monkeypatch.chdir(tmp_path)
    own, taken, searched = schemes.get(scheme), set(), []

    class Compiles(Detector):
        def find(self, images, boxes=None, *, scheme=None):
            query = scheme or "ibug68"
            taken.add((query, min(len(images), 2)))
            if boxes is None:
                taken.add(("around", min(len(images), 2)))
            return super().find(images, boxes, scheme=scheme)

    detector = Compiles()

    def search(image, *, upright=False):
        searched.append(image.size)
        if detector.there:  # mended by their points
            taken.add(("around", min(len(detector.there), 2)))
        return of(detector.there)

    follow = tracking.Tracker(detector, scheme=scheme, search=search)
    follow.prepare((400, 300))
    assert searched == [(400, 300), (200, 150)]
    before = set(taken)
    for there in ([box(50, 40)], [box(50, 40), box(250, 40)]):
        detector.there = there
        seen = follow(BLANK, len(there) * 1.0)
    assert [face.number for face in seen] == [1, 2] and len(seen[0].points) == own.count
    assert taken == before


def test_a_lost_face_is_searched_for_and_is_another_one(detector):
    follow = tracking.Tracker(detector)
    numbers = []
    for i, there in enumerate([[box(10, 10)], [], [], [box(200, 100)], [box(203, 99)]]):
        detector.there = there
        numbers.append([face.number for face in follow(BLANK, i * 0.04)])
    assert numbers == [[1], [], [], [2], [2]]


def test_a_face_that_nobody_is_sure_of_is_none(detector):
    follow = tracking.Tracker(detector)
    detector.there, detector.doubt = [box(10, 10)], 0.07
    assert follow(BLANK, 0.0) == []
    detector.doubt = np.nan
    assert follow(BLANK, 0.04) == []
    detector.doubt = 0.05
    assert [face.number for face in follow(BLANK, 0.08)] == [1]


def test_several_faces_keep_their_numbers_and_a_new_one_gets_its_own(detector):
    def search(image, *, upright=False):
        return of(detector.there)

    follow = tracking.Tracker(detector, search=search)
    seen = []
    for i in range(20):
        detector.there = [box(200 - 5 * i, 150), box(10 + 5 * i, 20)]
        detector.there += [box(300, 30, 40)] if i > 3 else []
        found = follow(BLANK, i * 0.1)
        seen.append({face.number: face.box for face in found})
    assert set(seen[0]) == {1, 2} and set(seen[-1]) == {1, 2, 3}
    np.testing.assert_allclose(seen[-1][2], box(105, 20), atol=1e-3)


def test_a_picture_without_a_face_is_searched_twice_a_second_any_way_up(detector):
    asked = []

    def search(image, *, upright=False):
        asked.append("upright" if upright else "any")
        return of(detector.there)

    follow = tracking.Tracker(detector, search=search)
    seen = []
    for i in range(12):
        detector.there = [box(100, 110)] if 2 < i < 9 else []
        follow(BLANK, i * 0.1)
        seen.append(asked[:])
        asked.clear()
    empty, there = [["any"], *[["upright"]] * 2], [["upright"], [], ["any"], [], [], []]
    assert seen == [*empty, *there, ["upright"], ["any"], ["upright"]]


def test_two_boxes_that_came_upon_one_face_become_one(detector):
    def search(image, *, upright=False):
        return of([box(100, 100), box(100, 150)])

    detector.there = [box(100, 110)]
    follow = tracking.Tracker(detector, search=search)
    assert len(follow(BLANK, 0.0)) == 1


def test_points_are_smoothed_unless_it_is_switched_off(detector):
    loose = tracking.Tracker(detector, smooth=False)
    calm = tracking.Tracker(detector)
    for i in range(4):
        detector.there = [(50, 40, 110 + 3 * (i % 2), 100)]
        (rough,), (smooth,) = (t(BLANK, i * 0.04) for t in (loose, calm))
    np.testing.assert_array_equal(rough.points, rough.raw)
    np.testing.assert_array_equal(rough.raw, smooth.raw)
    assert np.abs(smooth.points - smooth.raw).max() > 0.1


def test_of_points_that_fill_no_box_the_68_are_asked_for(detector, tmp_path):
    """The bridge of a nose says nothing of the face's size."""
    (tmp_path / "nose.yaml").write_text("nose_bridge: 7\n")
    detector.there = [box(50, 40)]
    follow = tracking.Tracker(detector, scheme=str(tmp_path / "nose.yaml"))
    (face,) = follow(BLANK, 0.0)
    assert len(face.points) == 7
    np.testing.assert_allclose(face.box, box(50, 40), atol=1e-3)
