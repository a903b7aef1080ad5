"""300-W's landmark files: the origin, the header, and what is refused."""

import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.landmarks import pts

ROWS = [f"{i + 1}.5 {2 * i}" for i in range(68)]


def write(path, rows, *, header=True):
    head, tail = ("version: 1\nn_points: 68\n{\n", "\n}\n") if header else ("", "\n")
    path.write_text(head + "\n".join(rows) + tail)
    return path


@pytest.mark.parametrize("header", [True, False])
def test_the_first_pixels_centre_moves_from_one_to_a_half(tmp_path, header):
    points = pts.read(write(tmp_path / "a.pts", ROWS, header=header))
    assert points.shape == (68, 2) and points.dtype == np.float32
    np.testing.assert_array_equal(points[:2], [[1.0, -0.5], [2.0, 1.5]])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS[:67], "found 67"),
        ([*ROWS, "1 2"], "found 69"),
        (["nan 3", *ROWS[1:]], "point 0"),
        (["1e300 3", *ROWS[1:]], "point 0 .*below"),
        (["x 3", *ROWS[1:]], "line 4"),
        (["1 2 3", *ROWS[1:]], "line 4"),
        ([*ROWS[:5], "-1 -1", *ROWS[6:]], "point 5 .* nobody marked"),
        (["0.0 0.000"] * 68, "point 0 .* nobody marked"),
        ([*ROWS[:45], ROWS[36], *ROWS[46:]], "36 and 45"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(tmp_path, rows, words):
    path = write(tmp_path / "a.pts", rows)
    with pytest.raises(UserError, match=words) as caught:
        pts.read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [("{\n", "{ "), ("\n}", " }"), ("{\n", "{\n# 1 2\n")]
)
def test_comments_and_braces_beside_a_point_change_nothing(tmp_path, change):
    path = write(tmp_path / "a.pts", ROWS)
    expected = pts.read(path)
    path.write_text("# by hand\n" + path.read_text().replace(*change))
    np.testing.assert_array_equal(pts.read(path), expected)


def test_a_missing_or_binary_file_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        pts.read(tmp_path / "none.pts")
    (tmp_path / "b.pts").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UserError, match="cannot be read"):
        pts.read(tmp_path / "b.pts")


def test_mirrored_copies_are_recognised():
    assert pts.is_mirrored("afw/1051618982_1_mirror.pts")
    assert not pts.is_mirrored("afw/1051618982_1.pts")


def test_all_real_files_read(shared):
    files = sorted((shared / "data/300w/helen/testset").glob("*.pts"))
    assert len(files) == 330
    assert all(np.isfinite(pts.read(f)).all() for f in files[:40])


def test_a_header_that_tells_another_count_is_not_passed_over(tmp_path):
    path = write(tmp_path / "a.pts", ROWS)
    path.write_text(path.read_text().replace("n_points: 68", "n_points:  194"))
    with pytest.raises(UserError, match="n_points says 194, and 68 stand in it"):
        pts.read(path)


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_and_the_mark_of_other_systems_change_nothing(tmp_path, ends):
    path = write(tmp_path / "a.pts", ROWS)
    expected = pts.read(path)
    text = "\ufeff" + path.read_text().replace("\n", ends)
    path.write_bytes(text.encode())
    np.testing.assert_array_equal(pts.read(path), expected)
