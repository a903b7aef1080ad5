"""Sources: faces by number, draws that hold still, and real photos read back."""

import numpy as np
import pytest

from data_builders import build
from lmkjax.data import sources
from lmkjax.errors import UserError
from lmkjax.types import UNKNOWN


def test_a_face_by_number(source):
    face = source[3]
    assert face.image.shape == (36, 43, 3) and face.image.dtype == np.uint8
    np.testing.assert_array_equal(face.points[1], [20, 14])
    np.testing.assert_array_equal(face.box, [8, 9, 20, 28])
    assert (face.visibility == UNKNOWN).all() and face.mask
    assert source.names[3] == "face_3"


def test_a_smaller_draw_lies_in_a_larger_one(source):
    few = sources.subset(source, count=3, seed=5)
    more = sources.subset(source, count=7, seed=5)
    assert len(few) == 3 and set(few.names) < set(more.names)
    assert set(few.names) != set(sources.subset(source, count=3, seed=6).names)


def test_no_count_is_all(source):
    assert sources.subset(source, count=0, seed=5).names == source.names


def test_held_out_and_left_make_up_the_source(source):
    left, held = sources.hold_out(source, count=4, seed=0)
    assert (len(left), len(held)) == (6, 4)
    assert sorted(left.names + held.names) == source.names


def test_a_draw_from_what_is_left_holds_no_held_out_face(source):
    left, held = sources.hold_out(source, count=4, seed=0)
    assert not set(sources.subset(left, count=5, seed=0).names) & set(held.names)


@pytest.mark.parametrize("count", [11, -1])
def test_more_than_there_are_is_refused(source, count):
    with pytest.raises(UserError, match="invented/train"):
        sources.subset(source, count=count, seed=0)
    with pytest.raises(UserError, match="invented/train"):
        sources.hold_out(source, count=count, seed=0)


def test_a_folder_that_is_no_set_is_refused(tmp_path):
    with pytest.raises(UserError, match="wanted a prepared dataset"):
        sources.load(tmp_path, "train")


def test_real_photos_have_their_points_inside(shared, tmp_path):
    real = shared / "data/300w"
    folder = build.prepare("ibug_300w", data_dir=tmp_path, source=real)
    assert sources.splits(folder)["common"] == 554
    common = sources.load(folder, "common")
    assert len(set(common.names)) == 554
    for index in range(0, 554, 50):
        face = common[index]
        height, width = face.image.shape[:2]
        assert face.points.shape == (68, 2)
        middle = face.points.mean(0)
        assert (middle > 0.2 * np.array([width, height])).all()
        assert (middle < 0.8 * np.array([width, height])).all()
