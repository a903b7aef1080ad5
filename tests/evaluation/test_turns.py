"""Groups by how far heads are turned: values by hand, and a table of each group."""

import json

import numpy as np
import pytest

from lmkjax.evaluation import predictions, turns

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
    np.testing.assert_allclose(turns.offset(face), abs(by), atol=1e-9)
    quarter = face[..., ::-1] * [1, -1]
    np.testing.assert_allclose(turns.offset(quarter), abs(by), atol=1e-9)
    assert np.isinf(turns.offset(face * 0)).all()


def test_each_face_is_in_one_group():
    faces = np.stack([turned(by) for by in (0.05, 0.1, 0.3, 0.45, -0.2)])
    found = turns.groups(faces, None)
    assert [list(own) for own in found.values()] == [[0], [1, 4], [2], [3]]
    assert list(found)[1] == "nose tip off by 0.1 to 0.25"
    found = turns.groups(faces, np.array([-90.0, 10.0, 30.0, -29.0, 59.9]))
    assert {name: list(own) for name, own in found.items()} == {
        "yaw 0 to 30": [1, 3],
        "yaw 30 to 60": [2, 4],
        "yaw 60 and more": [0],
    }


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
        ("renders", ["yaw 0 to 30", "yaw 30 to 60", "yaw 60 and more"]),
    ],
)
def test_predictions_are_measured_by_turn(folders, folder, names):
    found = predictions.compare(
        folders / "theirs.json", [folders / folder], by_turn=True
    )
    rows = [row for row in found.by_turn if row["normaliser"] == "box"]
    np.testing.assert_allclose([row["nme"] for row in rows], [0, 1, 2], atol=1e-4)
    for row, name in zip(rows, names, strict=True):
        assert row["test_set"].startswith(folder) and row["test_set"].endswith(name)
    assert {row["faces"] for row in found.evaluation.rows} == {3}
