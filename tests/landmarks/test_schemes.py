"""Schemes: counts, mirror pairs, subsets, a user's own file, and refusals."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.landmarks import schemes, vocabulary

IBUG_PAIRS = [  # the flip order that every 68-point tool uses
    *((i, 16 - i) for i in range(9)),
    *((17 + i, 26 - i) for i in range(5)),
    *((i, i) for i in range(27, 31)),
    (31, 35),
    (32, 34),
    (33, 33),
    (36, 45),
    (37, 44),
    (38, 43),
    (39, 42),
    (40, 47),
    (41, 46),
    (48, 54),
    (49, 53),
    (50, 52),
    (51, 51),
    (55, 59),
    (56, 58),
    (57, 57),
    (60, 64),
    (61, 63),
    (62, 62),
    (65, 67),
    (66, 66),
]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("ibug68", 68),
        ("ibug68_surface", 68),
        ("dense243", 243),
        ("dense460", 460),
        ("dense490", 490),
        ("dense1001", 1001),
    ],
)
def test_a_scheme_has_as_many_points_as_its_name_says(name, count):
    scheme = schemes.get(name)
    assert scheme.count == count == len(scheme.names) == len(scheme.mirror)


@pytest.mark.parametrize("name", ["ibug68", "ibug68_surface"])
def test_ibug_mirrors_in_the_standard_order(name):
    expected = np.empty(68, int)
    for a, b in IBUG_PAIRS:
        expected[[a, b]] = b, a
    np.testing.assert_array_equal(schemes.get(name).mirror, expected)


@pytest.mark.parametrize("name", sorted(schemes.SCHEMES))
def test_mirroring_twice_is_nothing(name):
    mirror = schemes.get(name).mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))


@pytest.mark.parametrize("name", sorted(schemes.SCHEMES))
def test_the_subset_mirrors_as_ibug_does(name):
    scheme, ibug = schemes.get(name), schemes.get("ibug68")
    np.testing.assert_array_equal(
        scheme.mirror[scheme.subset68], scheme.subset68[ibug.mirror]
    )


def test_the_subset_of_ibug_is_itself():
    np.testing.assert_array_equal(schemes.get("ibug68").subset68, np.arange(68))


def test_every_point_belongs_to_one_region():
    scheme = schemes.get("dense490")
    numbers = np.concatenate(list(scheme.regions.values()))
    np.testing.assert_array_equal(np.sort(numbers), np.arange(490))


def test_edges_close_the_eye_and_leave_the_jaw_open():
    edges = {tuple(e) for e in schemes.get("ibug68").edges.tolist()}
    assert (41, 36) in edges and (0, 1) in edges
    assert not {(16, 0), (0, 16), (16, 17)} & edges


def test_contours_are_told_apart():
    assert schemes.get("ibug68").contour == "visible"
    assert schemes.get("ibug68_surface").contour == "surface"


def test_a_users_own_scheme_is_a_short_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("nose_bridge: 5\nright_eye: 10\nleft_eye: 10\n")
    scheme = schemes.get(str(path))
    assert (scheme.name, scheme.count, scheme.contour) == ("mine", 25, "none")
    assert scheme.subset68 is None
    assert schemes.get(str(path.rename(tmp_path / "mine.YML"))) == scheme
    # The right eye's leftmost corner (5) is the left eye's rightmost (15 + 5).
    np.testing.assert_array_equal(scheme.mirror[[0, 5, 6, 10]], [0, 20, 19, 15])


def test_an_area_mirrors_backwards_and_is_not_joined(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("cheeks: 6\nforehead_area: 4\nnose_bridge: 4\n")
    scheme = schemes.get(str(path))
    expected = [5, 4, 3, 2, 1, 0, 9, 8, 7, 6, 10, 11, 12, 13]
    np.testing.assert_array_equal(scheme.mirror, expected)
    np.testing.assert_array_equal(scheme.edges, [[10, 11], [11, 12], [12, 13]])
    assert {k: len(v) for k, v in scheme.regions.items()} == {
        "cheeks": 6,
        "forehead": 4,
        "nose": 4,
    }
    assert schemes.Scheme("spots", (("cheeks", 6),)).edges.shape == (0, 2)


def test_every_region_of_the_face_has_an_area():
    curves = vocabulary.CURVES.values()
    regions = {c.region for c in curves if not c.area}
    assert {c.region for c in curves if c.area} == regions - {"ears"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nose_brigde: 5", "'nose_brigde'. Is 'nose_bridge' meant.*Known: brows, "),
        ("cheek: 5", "Is 'cheeks' meant"),
        ("zygoma: 5", "unknown curve or area 'zygoma'. Known: "),
        ("- nose_bridge", "wanted lines"),
        ("nose_bridge: many", "whole number"),
        ("nose_bridge: 1", ">= 2"),
        ("right_brow: 5", "left_brow"),
        ("lips_outer: 13", "closed and wants an even"),
        ("cheeks: 13", "an area and wants an even"),
        ("cheeks: 0", ">= 2"),
        ("jaw: 16", "odd.*chin.*16"),
        ("jaw: 1", ">= 3"),
        ("jaw: 17\nlips: 4\njaw: 33", "once; got .'jaw'. twice"),
        ("nose_bridge: 5.0", "whole number"),
        ("nose_bridge: true", "whole number"),
        ("points: [3, 4]", "wants places.*points: .mole"),
        ("points: 7", "wants places"),
        ("points: {tip: [0, 1]}", "'tip' wants its place.*three numbers.*0, 1"),
        ("points: {tip: [0, 1, .nan]}", "'tip'.*three numbers"),
        ("points: {tip: [0, 1, true]}", "'tip'.*three numbers"),
        ("points: {cheeks: [0, 1, 2]}", "no other point and no curve has.*cheeks"),
        ("points: {a: [0, 1, 2], a: [0, 1, 3]}", "once; got .'a'. twice"),
        ("points: {}", "wanted curves"),
        ("a: [", "cannot be read"),
        ("[" * 5000, "cannot be read"),
        ("", "wanted lines"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(tmp_path, text, reason):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=f"mine.yaml.*{reason}"):
        schemes.load(path)


def test_an_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="ibug86.*dense1001"):
        schemes.get("ibug86")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="none.yaml"):
        schemes.get(str(tmp_path / "none.yaml"))


def test_a_scheme_is_its_lines_and_its_text_gives_them_again(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("chin: 3\nnose_bridge: 4\n")
    own = schemes.get(str(path))
    path.unlink()  # the text needs no file
    assert own.text == "mine: {chin: 3, nose_bridge: 4}"
    again = schemes.get(own.text)
    assert again == own and again.name == "mine"
    assert schemes.Scheme("other", own.curves) == own
    assert schemes.Scheme("mine", own.curves[::-1]) != own
    assert [s.text for s in schemes.SCHEMES.values()] == list(schemes.SCHEMES)


@pytest.mark.parametrize("name", ["my: face", "a{b", "<ä> & 'b'"])
def test_a_text_gives_a_scheme_again_whatever_its_file_is_called(name, tmp_path):
    path = tmp_path / f"{name}.yaml"
    path.write_text("chin: 3\n")
    own = schemes.get(str(path))
    again = schemes.get(own.text)
    assert again == own and again.name == name


def test_single_points_stand_after_the_curves_under_their_own_names(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "points:\n  left: [3.1, 2.0, 8.4]\n  tip: [0, -1, 12.00004]\n"
        "  mole: [-2.0, 2.0, 9.0]\n  'right: eye': [-3.1, 2.05, 8.4]\nchin: 3\n"
    )
    own = schemes.get(str(path))
    assert own.names == (*["chin"] * 3, "left", "tip", "mole", "right: eye")
    assert own.starts["tip"] == 4 and own.count == 7 and own.subset68 is None
    # A pair half a millimetre off; the tip on the middle; a mole alone.
    np.testing.assert_array_equal(own.mirror, [2, 1, 0, 6, 4, 5, 3])
    assert own.lone == ("mole",)
    assert own.edges.max() == 2
    assert own.regions["points"].tolist() == [3, 4, 5, 6]
    assert dict(own.points)["tip"] == (0, -1, 12.0)  # to a micrometre
    again = schemes.get(own.text)
    assert again == own and hash(again) == hash(own)
    assert schemes.Scheme("mine", own.curves) != own


def test_points_without_names_are_numbered():
    own = schemes.read("points: [[0, 1, 9], [1, 2, 8]]", name="a", where="a")
    assert own.names == ("point_0", "point_1") and own.lone == ("point_1",)


def test_another_scheme_may_not_take_the_name_of_ours(tmp_path):
    path = tmp_path / "dense490.yaml"
    path.write_text("chin: 3\n")
    with pytest.raises(UserError, match="another name"):
        schemes.get(str(path))


def test_a_file_is_read_alike_whatever_the_machine_takes_for_text(tmp_path):
    """On Windows that is no UTF-8, and editors there begin files with a mark."""
    file = tmp_path / "mine.yaml"
    file.write_bytes("\ufeffpoints: {Leberfleck \u00fc: [0, 1, 11]}\r\n".encode())
    program = "import sys; from lmkjax.landmarks import schemes;"
    program += "print(ascii(schemes.get(sys.argv[1]).names))"
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", program, file],
        env=os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == r"('Leberfleck \xfc',)"
