"""Overlays: no two photos' are one file; points and box are drawn where they are."""

import os

import numpy as np
import pytest
from PIL import Image

from lmkjax.detect import overlays


def test_plain_names_stay_plain():
    assert overlays.file_names(["a.jpg", "sub/a.jpg"]) == {
        "a.jpg": "a.jpg.png",
        "sub/a.jpg": "sub_a.jpg.png",
    }


@pytest.mark.parametrize(
    "names",
    [
        ["a/b.jpg", "a_b.jpg", "c.jpg"],
        ["A.jpg", "a.jpg", "c.jpg"],  # one file where capitals do not count
        ["\u00e9.jpg", "e\u0301.jpg", "c.jpg"],  # one file where macOS stores it
        ["x" * 300 + "1.jpg", "x" * 300 + "2.jpg", "c.jpg"],
        ["\u5b57" * 90 + "/a.jpg", "\u5b57" * 90 + "/b.jpg", "c.jpg"],
        [os.fsdecode(b"\xff.jpg"), os.fsdecode(b"\xfe.jpg"), "c.jpg"],
    ],
)
def test_no_two_overlays_are_one_file(names, tmp_path):
    files = overlays.file_names(names)
    assert len({f.casefold() for f in files.values()}) == 3
    assert files["c.jpg"] == "c.jpg.png"
    for file in files.values():
        assert len(os.fsencode(file)) <= overlays.LONGEST
        (tmp_path / file).touch()
    assert files == {n: f for n, f in sorted(overlays.file_names(names[::-1]).items())}


def test_points_are_drawn_by_how_sure_they_are(tmp_path):
    photo = Image.new("RGB", (120, 100))
    points = np.array([[20.5, 30.5], [80.5, 60.5]])
    box = np.array([10.5, 10.5, 110.5, 90.5])
    sure = np.array([overlays.SURE, overlays.UNSURE]) * 100
    overlays.write(tmp_path / "a.png", photo, [(points, sure, box)])
    with Image.open(tmp_path / "a.png") as image:
        drawn = np.asarray(image)
    np.testing.assert_array_equal(drawn[30, 20], [0, 255, 0])
    np.testing.assert_array_equal(drawn[60, 80], [255, 0, 0])
    np.testing.assert_array_equal(drawn[10, 50], [255, 255, 255])
    np.testing.assert_array_equal(drawn[50, 50], [0, 0, 0])
