"""`lmkjax predict`: photos to points, what it refuses, and that it says so early."""

import json

import numpy as np
import pytest
from PIL import Image

from lmkjax import predict
from lmkjax.detect import detection
from lmkjax.errors import UserError


class Detector:
    """One that puts all points into the middle of each photo."""

    scheme = "ibug68"

    def find(self, images, boxes, *, scheme):
        middle = np.array([image.size for image in images], np.float32) / 2
        points = np.repeat(middle[:, None], 68, axis=1)
        boxes = np.tile([1.0, 2.0, 30.0, 20.0], (len(images), 1))
        return points, np.ones(points.shape[:2], np.float32), boxes


@pytest.fixture
def args(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.png"):
        Image.new("RGB", (40, 30)).save(tmp_path / "photos" / name)

    def from_checkpoint(workdir, *, flip):
        assert workdir == "runs/daln" and not flip
        return Detector()

    monkeypatch.setattr(detection.Detector, "from_checkpoint", from_checkpoint)
    words = ["--workdir", "runs/daln", "--images", tmp_path / "photos"]
    return [str(word) for word in [*words, "--out", tmp_path / "out"]]


def test_photos_become_points_and_overlays(args, tmp_path, capsys):
    assert predict.main(args) == 0
    content = json.loads((tmp_path / "out/points.json").read_text())
    assert list(content) == ["a.jpg", "b.png"]
    assert content["b.png"]["points"][67] == [20.0, 15.0]
    assert len(list((tmp_path / "out/overlays").iterdir())) == 2
    assert "2 photos, ibug68" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ({"c.jpg": [0, 0, 9, 9]}, "no photo 'c.jpg'"),
        ({"a.jpg": [0, 0, 9, 9]}, "'b.png' has none"),
        ({"a.jpg": [9, 9, 9, 9], "b.png": [0, 0, 9, 9]}, "left < right"),
    ],
)
def test_wrong_boxes_end_it_with_nothing_written(args, boxes, words, tmp_path):
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(boxes))
    with pytest.raises(UserError, match=words):
        predict.main([*args, "--boxes", str(file)])
    assert not (tmp_path / "out").exists()


def test_a_missing_run_is_the_users_mistake(args, tmp_path, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(UserError, match="trained run"):
        predict.main([*args, "--workdir", str(tmp_path / "none")])
    assert not (tmp_path / "out").exists()


def test_help_tells_a_newcomer_what_a_box_is(capsys):
    with pytest.raises(SystemExit) as caught:
        predict.main(["--help"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0 and "[left, top, right" in shown
    assert "Without --boxes each photo is taken to be one face" in shown
