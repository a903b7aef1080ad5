"""Heads as files: a list for each photo, and meshes that other programs read."""

import io
import json

import numpy as np
import pytest
import trimesh

from lmkjax.errors import UserError
from lmkjax.face.shape import head as heads
from lmkjax.fitting import fits, written
from lmkjax.landmarks import schemes

SCHEME = schemes.get("ibug68")


@pytest.fixture
def known(monkeypatch):
    """Heads that need no fit: the mean one, turned by its first point; NaN stays."""

    def fit(points, uncertainty, scheme, *, visibility=None):
        n, one = len(points), np.ones(len(points), "f")
        turn = points[:, 0, 0]
        return fits.Heads(
            pose_deg=np.stack([turn, 0 * one, 0 * one], 1),
            expression=np.zeros((n, 53), "f"),
            identity=np.zeros((n, 60), "f"),
            others=np.zeros((n, 7), "f"),
            points_cm=np.zeros((n, 68, 3), "f"),
            gaze_deg=np.zeros((n, 2, 2), "f"),
            focal_px=one,
            distance_cm=one,
            centre=np.zeros((n, 2), "f"),
            residual_px=np.where(np.isfinite(turn), 1.0, np.nan),
            settled=turn < 30,
        )

    monkeypatch.setattr(fits, "fit", fit)
    monkeypatch.setattr(fits, "BATCH", 3)


def face(turn):
    return {"points": [[turn, 0.0]] * 68, "uncertainty": [1.0] * 68, "box": [0] * 4}


def test_each_photo_has_a_list_of_heads_and_each_head_its_meshes(known, tmp_path):
    entries = [
        ("a.jpg", face(1.0) | {"overlay": "overlays/a.jpg.png"}),
        (
            "sub/b.jpg",
            {
                "faces": [face(2.0), face(40.0), face(float("nan"))],
                "overlay": "overlays/sub_b.jpg.png",
            },
        ),
        ("none.jpg", {"faces": [], "overlay": "overlays/none.jpg.png"}),
        ("c.jpg", face(3.0) | {"overlay": "overlays/c.jpg.png"}),
    ]
    assert written.write(tmp_path, entries, SCHEME) == (5, ["sub/b.jpg"])
    told = json.loads((tmp_path / "heads.json").read_text())
    assert {name: len(own) for name, own in told.items()} == {
        "a.jpg": 1,
        "sub/b.jpg": 3,
        "none.jpg": 0,
        "c.jpg": 1,
    }
    assert [h["pose_deg"]["yaw"] for h in told["sub/b.jpg"][:2]] == [2.0, 40.0]
    assert told["sub/b.jpg"][2] == {"settled": False}
    assert told["sub/b.jpg"][0]["mesh"] == [
        "heads/sub_b.jpg-1.obj",
        "heads/sub_b.jpg-1.glb",
    ]
    names = {f.name for f in (tmp_path / "heads").iterdir()}
    stems = {"a.jpg", "sub_b.jpg-1", "sub_b.jpg-2", "c.jpg"}
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("obj", "glb")}


def test_a_mesh_is_read_back_as_the_head_in_its_units():
    own = heads.load()
    files = written.meshes(own.neutral)
    found = trimesh.load(io.StringIO(files["obj"]), file_type="obj", process=False)
    used = np.unique(own.triangles)
    np.testing.assert_allclose(found.bounds[1], own.neutral[used].max(0), atol=1e-3)
    assert len(found.faces) == len(own.triangles)
    scene = trimesh.load(io.BytesIO(files["glb"]), file_type="glb")
    np.testing.assert_allclose(scene.extents * 100, found.extents, rtol=1e-3)


def test_vertices_of_another_head_are_refused():
    with pytest.raises(UserError, match=r"\[4333, 3\]; got \[5, 3\]"):
        written.meshes(np.zeros((5, 3)))
