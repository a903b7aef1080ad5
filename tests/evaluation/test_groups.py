"""Faces in groups: values by hand, and a table of each group."""

import json

import numpy as np
import pytest

from lmkjax.evaluation import groups, predictions, tables

FACE = np.random.default_rng(0).uniform(20, 80, (68, 2)).round(2)
FACE[[27, 8]], FACE[[0, 16]] = [(50, 20), (50, 100)], [(0, 30), (100, 40)]
FACE[1] = (60, 0)  # the box is 100 x 100


def turned(by):
    """A face whose nose's tip is so far off the middle, in units of the box."""
    face = FACE.copy()
    face[30] = (50 + 100 * by, 50)
    return face


@pytest.mark.parametrize("by", [-0.3, 0.0, 0.17])
def test_an_offset_by_hand_and_no_matter_the_tilt(by):
    face = turned(by)[None]
    np.testing.assert_allclose(groups.offset(face), abs(by), atol=1e-9)
    quarter = face[..., ::-1] * [1, -1]
    np.testing.assert_allclose(groups.offset(quarter), abs(by), atol=1e-9)
    assert np.isinf(groups.offset(face * 0)).all()


def test_each_face_is_in_one_group():
    faces = np.stack([turned(by) for by in (0.05, 0.1, 0.3, 0.45, -0.2)])
    found = groups.by_turn(faces, None)["nose tip off by"]
    assert [list(own) for own in found.values()] == [[0], [1, 4], [2], [3]]
    assert list(found)[1] == "0.1 to 0.25"
    found = groups.by_turn(faces, np.array([-90.0, 10.0, 30.0, -29.0, 59.9]))["yaw"]
    assert {name: list(own) for name, own in found.items()} == {
        "0 to 30": [1, 3],
        "30 to 60": [2, 4],
        "60 and more": [0],
    }


def test_skin_and_age_have_names_and_a_group_without_faces_is_not_there():
    known = {"skin": [2.0, 0.1, 0.3, 0.99], "age": [-1.0, 0.0, 0.9, 0.33]}
    found = groups.split({name: np.array(own) for name, own in known.items()})
    told = {what: {n: list(m) for n, m in own.items()} for what, own in found.items()}
    assert told == {
        "skin": {"light": [1], "medium": [2, 3], "dark": [0]},
        "age": {"child": [0], "smooth": [1], "some folds": [3], "deep folds": [2]},
    }
    assert list(groups.split({"skin": np.array([0.1])})["skin"]) == ["light"]


def test_the_rows_of_groups_by_hand():
    """A face that does not count, and a group of which none does."""
    ocular, nan = np.array([2.0, 10.0, np.nan, 9.0]), float("nan")
    errors = {("direct", "ocular"): ocular, ("direct", "pupil"): ocular + 1}
    errors |= {("direct", "box"): np.array([1.0, 2.0, 3.0, nan])}
    parts = {"yaw": {"0 to 30": np.array([0, 1, 2]), "60 and more": np.array([3])}}
    named = {"test_set": "a", "points": 68, "scheme": "ibug68"}
    first, last = groups.rows(errors, parts, **named, threshold=8.0)
    assert first == {
        "test_set": "a",
        "labels": "direct",
        "points": 68,
        "scheme": "ibug68",
        "by": "yaw",
        "group": "0 to 30",
        "faces": 3,
        "ocular": 6.0,
        "pupil": 7.0,
        "box": 2.0,
        "fr_08": 0.5,
    }
    assert last["faces"] == 0 and last["ocular"] == 9.0 and np.isnan(last["box"])


@pytest.fixture
def folders(tmp_path):
    """The same faces as lists of points and as `render` writes them; predictions."""
    faces = {f"{i}.jpg": turned(by).tolist() for i, by in enumerate((0.0, 0.2, 0.5))}
    drawn = {
        name: {"points": own, "yaw_deg": 40.0 * i}
        for i, (name, own) in enumerate(faces.items())
    }
    render = {"scheme": "ibug68", "seed": 0, "faces": drawn}
    for name, content in (("photos", faces), ("renders", render)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "points.json").write_text(json.dumps(content))
    # So many pixels beside the truth, and percent of a box of 100 x 100.
    moved = {
        n: (np.array(own) + [i, 0]).tolist() for i, (n, own) in enumerate(faces.items())
    }
    (tmp_path / "theirs.json").write_text(json.dumps(moved))
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("photos", ["0 to 0.1", "0.1 to 0.25", "0.4 and more"]),
        ("renders", ["0 to 30", "30 to 60", "60 and more"]),
    ],
)
def test_predictions_are_measured_by_turn(folders, folder, names):
    found = predictions.compare(
        folders / "theirs.json", [folders / folder], by_turn=True
    )
    rows = found.evaluation.groups
    np.testing.assert_allclose([row["box"] for row in rows], [0, 1, 2], atol=1e-4)
    assert [row["group"] for row in rows] == names
    assert {row["test_set"] for row in rows} == {folder}
    text = tables.tables(found.evaluation.rows, rows)[-1]
    assert text.title == f"{folder}: by {rows[0]['by']}"
    assert [cells[0] for cells in text.cells] == names
    assert [cells[text.columns.index("box %")] for cells in text.cells] == [
        *("0.00", "1.00", "2.00")
    ]
    assert {row["faces"] for row in found.evaluation.rows} == {3}
