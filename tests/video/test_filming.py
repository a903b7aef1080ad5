"""A video to lines of JSON and an overlay; what is done stays, whatever ends it."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from lmkjax import cli, predict
from lmkjax.detect import detection
from lmkjax.errors import UserError
from lmkjax.video import filming, films, tracking
from tests.video import test_tracking

pytest.importorskip("av", reason='needs the extra "video"')


@pytest.fixture
def clip(tmp_path):
    with films.Writer(tmp_path / "a.mp4", (400, 300), rate=25.0) as writer:
        for i in range(6):
            writer.add(Image.new("RGB", (400, 300), (40 * i, 0, 0)), i / 25)
    return tmp_path / "a.mp4"


@pytest.fixture
def detector():
    one = test_tracking.Detector()
    one.there = [test_tracking.box(50, 40)]
    return one


def lines(folder):
    text = (folder / filming.LINES).read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_video_becomes_a_line_for_each_frame_and_an_overlay(
    clip, detector, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(detection.Detector, "from_checkpoint", lambda *a, **b: detector)
    out = tmp_path / "out"
    assert predict.main(["--video", str(clip), "--out", str(out)]) == 0
    told = lines(out)
    assert [line["frame"] for line in told] == list(range(6))
    np.testing.assert_allclose([x["time_s"] for x in told], np.arange(6) / 25)
    (face,) = told[3]["faces"]
    assert face["number"] == 1 and np.shape(face["points"]) == (68, 2)
    np.testing.assert_allclose(face["box"], test_tracking.box(50, 40), atol=1e-2)
    with films.open_film(out / filming.OVERLAY) as film:
        drawn = [np.asarray(shot.image) for shot in film]
    assert len(drawn) == 6
    assert (drawn[0][..., 1] > 150).any()  # points on a picture without green
    assert "6 frames, ibug68" in capsys.readouterr().out


def test_a_camera_is_looked_at_once_all_is_compiled(
    clip, detector, tmp_path, monkeypatch
):
    monkeypatch.setattr(detection.Detector, "from_checkpoint", lambda *a, **b: detector)
    happened = []

    def camera(av, number):
        happened.append(f"camera {number}")
        return av.open(str(clip))

    def prepare(tracker, size):
        happened.append(size)

    monkeypatch.setattr(films, "_camera", camera)
    monkeypatch.setattr(tracking.Tracker, "prepare", prepare)
    out = tmp_path / "out"
    assert predict.main(["--video", "3", "--frames", "4", "--out", str(out)]) == 0
    assert happened == ["camera 3", (400, 300), "camera 3"]
    np.testing.assert_allclose([x["time_s"] for x in lines(out)], np.arange(4) / 25)


def test_what_is_done_stays_when_a_person_has_had_enough(clip, detector, tmp_path):
    follow = tracking.Tracker(detector)
    count = []

    def tire(image, time_s):
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return follow(image, time_s)

    out = tmp_path / "out"
    with films.open_film(clip) as film, pytest.raises(KeyboardInterrupt):
        filming.annotate(film, tire, out, scheme="ibug68")
    assert len(lines(out)) == 3
    with films.open_film(out / filming.OVERLAY) as film:
        assert len(list(film)) == 3


def test_a_camera_is_followed_until_ctrl_c(detector, tmp_path, monkeypatch, capsys):
    """A device of FFmpeg that never ends stands in for the one of this machine."""
    import av

    monkeypatch.setattr(detection.Detector, "from_checkpoint", lambda *a, **b: detector)
    asked, own_open = [], av.open

    def opened(file, *args, **options):
        if not str(file).startswith("/dev/video"):
            return own_open(file, *args, **options)
        asked.append(file)
        return own_open("color=red:size=400x300:rate=25", format="lavfi")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(av, "open", opened)
    follow, count = tracking.Tracker.__call__, []

    def tire(tracker, image, time_s):
        count.append(1)
        if len(count) == 8:
            raise KeyboardInterrupt
        return follow(tracker, image, time_s)

    monkeypatch.setattr(tracking.Tracker, "__call__", tire)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        predict.main(["--video", "0", "--out", str(out)])
    assert asked == ["/dev/video0"] * 2  # anew, once all is compiled
    np.testing.assert_allclose([x["time_s"] for x in lines(out)], np.arange(7) / 25)
    with films.open_film(out / filming.OVERLAY) as film:
        assert len(list(film)) == 7


def test_an_earlier_result_stays_until_there_is_a_new_one(clip, detector, tmp_path):
    out = tmp_path / "out"
    with films.open_film(clip) as film:
        follow = tracking.Tracker(detector)
        filming.annotate(film, follow, out, scheme="ibug68")

    def fail(image, time_s):
        raise MemoryError

    with films.open_film(clip) as film, pytest.raises(MemoryError):
        filming.annotate(film, fail, out, scheme="ibug68")
    assert len(lines(out)) == 6
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.mp4", "out"]


def test_a_folder_with_other_things_is_refused(clip, detector, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with (
        films.open_film(clip) as film,
        pytest.raises(UserError, match="notes.txt|a.mp4"),
    ):
        filming.annotate(film, detector, tmp_path, scheme="ibug68")


def test_frames_without_a_face_are_empty_lists_and_said(
    clip, detector, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(detection.Detector, "from_checkpoint", lambda *a, **b: detector)
    detector.there = []
    out = tmp_path / "out"
    words = ["--video", str(clip), "--out", str(out), "--frames", "4"]
    told, own = [], cli.Progress.__call__
    monkeypatch.setattr(
        cli.Progress, "__call__", lambda p, *done: told.append(done) or own(p, *done)
    )
    assert predict.main(words) == 0
    assert told[-1] == (4, 4)  # of as many as are asked for
    assert [line["faces"] for line in lines(out)] == [[]] * 4
    assert "4 of 4 frames show no face" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--images", "a.jpg", "--no-smooth"],
        ["--images", "a.jpg", "--video", "a.mp4"],
        ["--video", "a.mp4", "--boxes", "boxes.json"],
        ["--video", "a.mp4", "--boxes", ""],
        ["--video", "a.mp4", "--frames", "0"],
        [],
    ],
)
def test_flags_that_do_not_go_together_are_refused(words):
    with pytest.raises(UserError, match="--help"):
        predict.main([*words, "--out", "out"])
