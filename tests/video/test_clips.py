"""A clip's folder: that of any render, at a rate, and a video of its pictures."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax import render
from lmkjax.errors import UserError
from lmkjax.evaluation import prediction_files
from lmkjax.face import drawing
from lmkjax.landmarks import schemes
from lmkjax.video import clips, films

SIZE = 32


@pytest.fixture
def drawn(monkeypatch):
    """Pictures without drawing: as bright as the head is turned."""

    def draw(params, scheme, *, size, backgrounds):
        yaw = np.asarray(params.camera.yaw_rad)
        grey = np.clip(0.5 + yaw, 0, 1)[:, None, None, None]
        count = len(yaw)
        return drawing.Rendering(
            image=jnp.asarray(np.broadcast_to(grey, (count, size, size, 3))),
            points=jnp.asarray(np.float32(yaw)[:, None, None] + np.zeros((1, 68, 2))),
            visibility=jnp.zeros((count, 68), jnp.int8),
            depth=jnp.zeros((count, size, size)),
            segmentation=jnp.zeros((count, size, size), jnp.int8),
            box=jnp.zeros((count, 4)),
        )

    monkeypatch.setattr(drawing, "draw", draw)


def test_a_clip_is_a_render_with_a_rate_and_a_video(tmp_path, drawn, capsys):
    out = tmp_path / "clip"
    words = ["--clip", "20", "--count", "7", "--size", str(SIZE), "--batch", "3"]
    assert render.main([*words, "--out", str(out)]) == 0
    told = json.loads((out / "points.json").read_text())
    assert told["frames_per_second"] == 20 and len(told["faces"]) == 7
    assert prediction_files.is_truth(out / "points.json")
    points, times, scheme = clips.truth(out)
    np.testing.assert_allclose(times, np.arange(7) / 20)
    yaws = [face["yaw_deg"] for face in told["faces"].values()]
    np.testing.assert_allclose(np.rad2deg(points[:, 0, 0]), yaws, atol=0.05)
    assert scheme == schemes.get("ibug68") and len(set(yaws)) == 7
    pytest.importorskip("av", reason='needs the extra "video"')
    with films.open_film(out / "clip.mp4") as film:
        shots = list(film)
    np.testing.assert_allclose([shot.time_s for shot in shots], times, atol=1e-4)
    seen = [np.asarray(shot.image).mean() / 255 for shot in shots]
    np.testing.assert_allclose(seen, np.clip(0.5 + np.deg2rad(yaws), 0, 1), atol=0.02)


def test_faces_that_replace_a_clip_leave_no_video_of_it(tmp_path, drawn):
    words = ["--count", "2", "--size", str(SIZE), "--out", str(tmp_path)]
    render.main([*words, "--clip"])
    render.main(words)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"000000.png", "000001.png", "points.json"}
    with pytest.raises(UserError, match="wanted a clip"):
        clips.truth(tmp_path)


def test_a_face_that_is_not_finite_is_told_and_leaves_nothing(
    tmp_path, drawn, monkeypatch
):
    own = drawing.draw

    def draw(*faces, **asked):
        found = own(*faces, **asked)
        return dataclasses.replace(found, image=found.image.at[1].set(jnp.nan))

    monkeypatch.setattr(drawing, "draw", draw)
    with pytest.raises(UserError, match="000001.png has numbers that are not finite"):
        words = ["--clip", "--count", "3", "--size", str(SIZE)]
        render.main([*words, "--out", str(tmp_path)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", ["0", "-3", "1000", "nan"])
def test_a_rate_that_makes_no_sense_is_refused(tmp_path, rate):
    with pytest.raises(UserError, match="pictures a second"):
        render.main(["--clip", rate, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
