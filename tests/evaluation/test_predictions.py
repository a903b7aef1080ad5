"""Predictions of any system: names, conventions, and what is refused."""

import json
import os

import numpy as np
import pytest

from lmkjax.errors import UserError
from lmkjax.evaluation import predictions
from lmkjax.landmarks import pts, schemes

RNG = np.random.default_rng(0)
NAMES = ["helen/testset/a_1", "helen/testset/b_1", "lfpw/testset/a_1"]
TRUTH = {name: RNG.uniform(0, 200, (68, 2)).round(3) for name in NAMES}  # from (1, 1)


@pytest.fixture
def folder(tmp_path):
    for name, points in TRUTH.items():
        path = tmp_path / "300w" / f"{name}.pts"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "\n".join(f"{x} {y}" for x, y in points)
        path.write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")
    mirrored = tmp_path / "300w/helen/testset/b_1_mirror.pts"
    mirrored.write_text("1 2\n")  # broken, and must not be read
    return tmp_path / "300w"


def write(folder, content):
    path = folder.parent / "predictions.json"
    path.write_text(json.dumps(content))
    return path


def lists(form="{}", shift=0.0):
    return {form.format(name): (TRUTH[name] + shift).tolist() for name in NAMES}


def nme_of(comparison):
    return [row["nme"] for row in comparison.evaluation.rows]


@pytest.mark.parametrize("centre", [0.0, 0.5, 1.0])
def test_the_origin_is_what_the_user_says(folder, centre):
    # The truth counts from 1, so a file that counts from `centre` holds less.
    file = write(folder, lists(shift=centre - 1.0))
    found = predictions.compare(file, [folder], first_pixel_centre=centre)
    np.testing.assert_allclose(nme_of(found), np.zeros(3), atol=1e-4)


def test_a_wrong_origin_costs_what_it_should(folder):
    found = predictions.compare(write(folder, lists()), [folder])
    ocular = [np.linalg.norm(t[36] - t[45]) for t in TRUTH.values()]
    expected = np.mean(100 * np.hypot(0.5, 0.5) / np.array(ocular))
    row = found.evaluation.rows[0]
    np.testing.assert_allclose(row["nme"], expected, rtol=1e-4)
    assert row["labels"] == "direct" and row["faces"] == 3
    assert "jaw" in row["regions"] and found.unused == 0


def test_names_of_another_folder_are_missing(folder):
    with pytest.raises(UserError, match="3 are missing"):
        predictions.compare(write(folder, lists("/somewhere/{}.jpg")), [folder])


@pytest.mark.parametrize("form", ["{}.jpg", "{}", "./{}.PNG", "300w/{}.png"])
def test_names_come_with_or_without_ending_and_folder(folder, form):
    file = write(folder, lists(form, shift=-0.5))
    assert max(nme_of(predictions.compare(file, [folder]))) < 1e-3


def test_our_own_points_file_is_understood_and_more_images_do_no_harm(folder):
    content = {n: {"points": v, "box": [0, 0, 1, 1]} for n, v in lists().items()}
    content["elsewhere.jpg"] = content[NAMES[0]]
    found = predictions.compare(write(folder, content), [folder], first_pixel_centre=1)
    assert max(nme_of(found)) < 1e-3 and found.unused == 1


def test_bare_names_do_where_they_are_unique(folder):
    content = {"a_1.jpg": lists()[NAMES[0]], "b_1": lists()[NAMES[1]]}
    found = predictions.compare(write(folder, content), [folder / "helen"])
    assert found.evaluation.rows[0]["faces"] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lists() | {"b_1.jpg": lists()[NAMES[1]]}, "both fit"),
        ({"a_1": lists()[NAMES[0]]}, "'a_1' fits .* and .*sub-folder"),
        ({NAMES[0]: lists()[NAMES[0]]}, "2 are missing, the first is .*b_1"),
        (lists() | {NAMES[1]: lists()[NAMES[0]][:67]}, "b_1' wants 68.*got 67"),
        (lists() | {NAMES[1]: "none"}, "b_1' wants 68"),
        (lists() | {NAMES[1]: None}, "1 are missing.*b_1' .the file says null"),
        (lists() | {NAMES[1]: {"error": "cut off"}}, "1 are missing.*cut off"),
        (lists() | {NAMES[1]: np.zeros((68, 3)).tolist()}, "leave the third number"),
        (lists() | {NAMES[1]: np.zeros(136).tolist()}, "pair them.*reshape"),
        (lists() | {NAMES[1]: np.zeros((2, 68)).tolist()}, "pair them.*transpose"),
        (lists() | {NAMES[1]: np.zeros((98, 2)).tolist()}, "got 98; other schemes'"),
        (lists() | {NAMES[1]: np.zeros((2, 68, 2)).tolist()}, "list of 2 faces"),
        (lists() | {NAMES[1]: {"faces": [{}, {}]}}, "b_1' has 2 faces"),
        ({n: (t / 200).tolist() for n, t in TRUTH.items()}, "shares of an image"),
        ({n: (200 - t[:, :1]).tolist() for n, t in TRUTH.items()}, "wants 68"),
        ({n: (t * [-1, 1]).tolist() for n, t in TRUTH.items()}, "order.*exchanged"),
        ({n: (t * [1, -1]).tolist() for n, t in TRUTH.items()}, "height - y"),
        ({n: t[:, ::-1].tolist() for n, t in TRUTH.items()}, r"seem to be .y, x."),
        (lists() | {NAMES[1]: {"box": 3}}, "b_1' wants 68"),
        (lists() | {NAMES[1]: {"landmarks": [[1, 2]] * 68}}, "wants 68.*'landmarks'"),
        (lists() | {NAMES[1]: [[1, 2]] * 67 + [[1]]}, r"68 entries, such as \[1\]"),
        (lists() | {NAMES[1]: [{"x": 1, "y": 2}] * 68}, "such as {'x': 1, 'y': 2}"),
        (lists() | {NAMES[1]: [[float("nan"), 1]] * 68}, "b_1', point 0 .*finite"),
        (lists() | {NAMES[1]: [[1, 1e300]] * 68}, "b_1', point 0 .*finite"),
        (lists() | {NAMES[1]: [[1, 10**400]] * 68}, "b_1' wants 68"),
        (lists() | {NAMES[1]: {"faces": [[1, 2]]}}, "faces of '.*b_1'.* got ..1, 2"),
        (lists() | {NAMES[1]: {"faces": [{"score": 1}] * 2}}, "b_1' .*box.* got None"),
        (
            {n: {"points": v, "scheme": "mine.yaml"} for n, v in lists().items()},
            "a_1' has 68 points of the scheme 'mine.yaml', and nobody knows",
        ),
        ([1, 2], "got list"),
        ({}, "nothing in it"),
        ({"scheme": "ibug68", "faces": {}}, "there are none"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_file(folder, content, words):
    file = write(folder, content)
    with pytest.raises(UserError, match=words) as caught:
        predictions.compare(file, [folder])
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_what_render_writes_is_read_as_predictions_and_as_truth(tmp_path):
    whole = RNG.uniform(0, 90, (2, 490, 2))
    subset = schemes.get("dense490").subset68
    faces = {f"00000{i}.png": {"points": p.tolist()} for i, p in enumerate(whole)}
    drawn = {"scheme": "dense490", "seed": 0, "faces": faces}
    (tmp_path / "points.json").write_text(json.dumps(drawn))
    ours = {"scheme": "dense490", "box": [0, 0, 1, 1], "overlay": "a.png"}
    found = {n: own | ours for n, own in faces.items()}
    found["000001.png"] = {"faces": [{"points": whole[1, subset].tolist()}]}
    for content in (drawn, found):
        file = write(tmp_path / "out", content)
        comparison = predictions.compare(file, [tmp_path])
        np.testing.assert_allclose(nme_of(comparison), 0, atol=1e-5)
        assert len(comparison.names) == 2 and not comparison.unused
    with pytest.raises(UserError, match=r"Wanted \.pts files"):  # no truth
        (tmp_path / "found").mkdir()
        (tmp_path / "found/points.json").write_text(json.dumps(found))
        predictions.compare(file, [tmp_path / "found"])


def test_a_scheme_of_ones_own_is_read_as_its_68(folder, monkeypatch):
    monkeypatch.chdir(folder)
    ibug = schemes.get("ibug68").curves
    lines = "".join(f"{name}: {count}\n" for name, count in (("chin", 4), *ibug))
    (folder / "mine.yaml").write_text(lines)
    own = {n: np.concatenate([t[:4], t]).tolist() for n, t in TRUTH.items()}
    content = {n: {"points": v, "scheme": "mine.yaml"} for n, v in own.items()}
    file = write(folder, content)
    found = predictions.compare(file, [folder], first_pixel_centre=1)
    assert max(nme_of(found)) < 1e-3


@pytest.fixture
def eared(tmp_path):
    """Three faces labelled in a scheme of one's own without the 68, as .pts files."""
    (tmp_path / "eared.yaml").write_text(
        "forehead: 11\nright_iris: 4\nleft_iris: 4\nchin: 3\n"
    )
    points = {f"{i}": RNG.uniform(9, 99, (22, 2)).round(3) for i in range(3)}
    (tmp_path / "photos").mkdir()
    for name, own in points.items():
        rows = "\n".join(f"{x + 0.5} {y + 0.5}" for x, y in own)
        (tmp_path / f"photos/{name}.pts").write_text(f"n_points: 22\n{{\n{rows}\n}}")
    return tmp_path, points


@pytest.mark.parametrize("said", [None, "eared.yaml", "eared", "elsewhere/eared.yaml"])
def test_any_scheme_is_measured_by_its_box_or_the_eyes_it_has(eared, said):
    home, points = eared
    content = {
        name: {"points": (own + [3, 4]).tolist(), "scheme": said}
        for name, own in points.items()
    }
    file = write(home / "photos", content)
    scheme = schemes.get(str(home / "eared.yaml"))
    found = predictions.compare(file, [home / "photos"], scheme=scheme)
    rows = {row["normaliser"]: row for row in found.evaluation.rows}
    boxes = [np.ptp(own, axis=0).prod() ** 0.5 for own in points.values()]
    expected = np.mean(100 * 5 / np.array(boxes))
    np.testing.assert_allclose(rows["box"]["nme"], expected, rtol=1e-4)
    assert np.isnan(rows["ocular"]["nme"]) and rows["ocular"]["faces"] == 0
    assert rows["box"]["points"] == 22 and rows["box"]["scheme"] == "eared"
    assert set(rows["box"]["regions"]) == set(scheme.regions) and scheme.regions


@pytest.mark.parametrize(
    ("scheme", "said", "words"),
    [
        ("ibug68", "eared", "wants 68 points .*got 22; .*evaluate --scheme"),
        ("dense490", None, "wants 490 points .*got 22; .*--scheme dense490"),
        ("eared", "other", "22 points of the scheme 'other'.*those of 'eared'"),
        ("eared", "ibug68", "22 points of the scheme 'ibug68'"),
        ("eared", "eared.yaml", "22 points of the scheme 'eared.yaml'"),  # another's
    ],
)
def test_points_of_another_scheme_are_refused(
    eared, scheme, said, words, tmp_path, monkeypatch
):
    home, points = eared
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/eared.yaml").write_text("chin: 22\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    own = {n: {"points": p.tolist(), "scheme": said} for n, p in points.items()}
    file = write(home / "photos", own)
    known = schemes.get(str(home / "eared.yaml") if scheme == "eared" else scheme)
    with pytest.raises(UserError, match=words):
        predictions.compare(file, [home / "photos"], scheme=known)


def test_what_has_no_length_or_no_yaw_is_refused(eared, tmp_path):
    home, points = eared
    file = write(home / "photos", {n: p.tolist() for n, p in points.items()})
    scheme = schemes.get(str(home / "eared.yaml"))
    with pytest.raises(UserError, match="--by-turn wants .*'eared' does not hold"):
        predictions.compare(file, [home / "photos"], scheme=scheme, by_turn=True)
    drawn = {n: {"points": p[:1].tolist()} for n, p in points.items()}
    content = {"scheme": "tip", "faces": drawn}
    (home / "tip").mkdir()
    (home / "tip/points.json").write_text(json.dumps(content))
    tip = schemes.read("points: {tip: [0, 0, 9]}", name="tip", where="here")
    with pytest.raises(UserError, match="no length to measure errors by"):
        predictions.compare(home / "tip/points.json", [home / "tip"], scheme=tip)


def test_one_file_is_measured_in_several_schemes(tmp_path, capsys):
    whole = RNG.uniform(0, 200, (2, 490, 2))
    faces = {f"{i}.png": {"points": p.tolist()} for i, p in enumerate(whole)}
    drawn = {"scheme": "dense490", "faces": faces}
    (tmp_path / "drawn").mkdir()
    file = tmp_path / "drawn/points.json"
    file.write_text(json.dumps(drawn))
    out = tmp_path / "out"
    asked = ["dense490", "ibug68"]
    found = predictions.run(file, [tmp_path / "drawn"], scheme=asked, out=out)
    assert [one.evaluation.rows[0]["points"] for one in found] == [490, 68]
    rows = json.loads((out / "results.json").read_text())["rows"]
    assert {(r["test_set"], r["points"]) for r in rows} == {
        ("drawn dense490", 490),
        ("drawn ibug68", 68),
    }
    assert (out / "curve.png").is_file()
    assert "drawn dense490" in capsys.readouterr().out


def test_what_hardly_can_be_is_told_and_measured(folder, capsys):
    content = {name: (points / 8).tolist() for name, points in TRUTH.items()}
    predictions.run(write(folder, content), [folder])
    assert "0.12 times as large" in capsys.readouterr().out


def test_predictions_beside_folders_of_labels_are_no_truth(folder):
    """Else they were held against themselves, and were perfect."""
    content = {n: (t + [9, 0]).tolist() for n, t in TRUTH.items()}
    (folder / "points.json").write_text(json.dumps(content))
    found = predictions.compare(folder / "points.json", [folder])
    assert min(nme_of(found)) > 1


def test_links_to_folders_of_labels_are_followed_once(folder, tmp_path):
    (folder / "lfpw").rename(tmp_path / "elsewhere")
    (folder / "lfpw").symlink_to(tmp_path / "elsewhere")
    (folder / "helen/back").symlink_to(folder)
    assert len(predictions.find([folder])) == 3


def test_a_folder_of_labels_that_cannot_be_opened_is_told(folder, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("lfpw"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match="lfpw: cannot be opened .Permission denied"):
        predictions.find([folder])


def test_points_put_into_the_order_of_mirrored_images_are_refused(tmp_path, shared):
    folder = shared / "data/300w/lfpw/testset"
    mirror = np.asarray(schemes.get("ibug68").mirror)
    content = {f.stem: pts.read(f)[mirror].tolist() for f in predictions.find([folder])}
    file = write(tmp_path / "x", content)
    with pytest.raises(UserError, match="exchanged"):
        predictions.compare(file, [folder])


def test_endings_in_capitals_count_and_notes_of_macos_do_not(folder):
    face = folder / "helen/testset/a_1.pts"
    face.rename(face.with_suffix(".PTS"))
    face.with_name("._a_1.pts").write_bytes(b"\x00\x05\x16\x07 Mac OS X")
    assert len(predictions.find([folder])) == 3


@pytest.mark.parametrize(
    "text", ["{", '{"a": [], "a": []}', "\x00"], ids=["cut", "double", "binary"]
)
def test_a_broken_file_is_named(folder, text):
    file = folder.parent / "predictions.json"
    file.write_text(text)
    with pytest.raises(UserError, match="predictions.json"):
        predictions.compare(file, [folder])


def test_missing_folders_and_files_are_named(folder):
    with pytest.raises(UserError, match="no '.*none'"):
        predictions.find([folder / "none"])
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="found none"):
        predictions.find([folder / "empty"])
    with pytest.raises(UserError, match=r"none\.json"):
        predictions.compare(folder / "none.json", [folder])


def test_the_two_folders_of_the_common_set_are_called_so(folder):
    both = [folder / "lfpw/testset", folder / "helen/testset"]
    assert predictions.name_of(both) == "common"
    assert predictions.name_of(both[:1]) == "lfpw/testset"
    assert predictions.name_of([folder]) == "300w"
    assert len(predictions.find([*both, folder])) == 3  # each face once


def test_real_annotations_agree_with_themselves(shared, tmp_path):
    folder = shared / "data/300w/lfpw/testset"
    content = {f.stem: pts.read(f).tolist() for f in predictions.find([folder])}
    file = tmp_path / "p.json"
    file.write_text(json.dumps(content))
    found = predictions.compare(file, [folder])
    assert nme_of(found) == [0.0] * 3 and found.evaluation.rows[0]["faces"] == 224
