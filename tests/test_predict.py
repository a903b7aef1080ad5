"""`lmkjax predict`: photos to points, what it refuses, and that it says so early."""

import importlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lmkjax import predict
from lmkjax.detect import box_files, detection
from lmkjax.detect.finder import looking
from lmkjax.errors import UserError
from lmkjax.evaluation import prediction_files
from lmkjax.landmarks import schemes

DETECTOR = ["--detector", "whole"]


class Detector:
    """One that puts all points into the middle of each photo."""

    scheme = "ibug68"
    fails: list = []

    def scheme_of(self, name):
        return schemes.get(name)

    def search(self, photo):
        return self.finder(photo)

    def find(self, images, boxes, *, scheme):
        if error := self.fails.pop(0) if self.fails else None:
            raise error
        middle = np.array([image.size for image in images], np.float32) / 2
        middle = middle.reshape(-1, 2)
        points = np.repeat(middle[:, None], 68, axis=1)
        boxes = np.tile([1.0, 2.0, 30.0, 20.0], (len(images), 1))
        return points, np.ones(points.shape[:2], np.float32), boxes


@pytest.fixture
def args(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.png"):
        Image.new("RGB", (40, 30)).save(tmp_path / "photos" / name)

    def from_checkpoint(workdir, *, flip, views, batch, best):
        assert workdir == pathlib.Path("runs/daln") and not flip and views == 1
        return Detector()

    monkeypatch.setattr(detection.Detector, "from_checkpoint", from_checkpoint)
    words = ["--workdir", "runs/daln", "--images", tmp_path / "photos"]
    words += DETECTOR
    return [str(word) for word in [*words, "--out", tmp_path / "out"]]


def test_photos_become_points_and_overlays(args, tmp_path, capsys):
    assert predict.main(args) == 0
    content = json.loads((tmp_path / "out/points.json").read_text())
    assert list(content) == ["a.jpg", "b.png"]
    assert content["b.png"]["points"][67] == [20.0, 15.0]
    assert len(list((tmp_path / "out/overlays").iterdir())) == 2
    assert "2 photos, ibug68" in capsys.readouterr().out


class Finder:
    """One that finds two faces in some photos, and says that there were more."""

    threshold, identity = 0.5, "two"

    def __init__(self, *args, **options):
        pass

    def __call__(self, photo):
        boxes = np.array([[1, 2, 30, 20], [5, 2, 30, 25]], np.float32)
        count = 2 if photo.getpixel((0, 0)) == (0, 0, 0) else 0
        return looking.Found(boxes[:count], np.float32([0.9, 0.7])[:count], 5 * count)


def test_all_faces_are_found_and_none_is_no_error(args, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(looking, "Finder", Finder)
    Image.new("RGB", (40, 30), (255, 255, 255)).save(tmp_path / "photos/c.png")
    assert predict.main([word for word in args if word not in DETECTOR]) == 0
    content = json.loads((tmp_path / "out/points.json").read_text())
    assert [face["score"] for face in content["a.jpg"]["faces"]] == [0.9, 0.7]
    assert content["c.png"]["faces"] == [] and content["c.png"]["scheme"] == "ibug68"
    boxes = box_files.read(tmp_path / "out/points.json", list(content))
    assert boxes.boxes["b.png"].shape == (2, 4) and list(boxes.faults) == ["c.png"]
    points, without = prediction_files.read(tmp_path / "out/points.json")
    assert list(points) == ["a.jpg", "b.png"] and list(without) == ["c.png"]
    shown = capsys.readouterr().err
    assert "No face found in 1 photos, such as in 'c.png'" in shown
    assert "a.jpg: the surest 2 of 12 faces are kept" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--detector yunett", "Unknown detector 'yunett'; known: .*centerface"),
        ("--detector whole --boxes boxes.json", "--boxes and --detector"),
        ("--detector {tmp}/photos", "wanted a trained run's|Wanted a trained run's"),
    ],
)
def test_a_detector_that_is_none_is_refused(words, told, args, tmp_path):
    words = words.format(tmp=tmp_path).split()
    own = [word for word in args if word not in DETECTOR]
    with pytest.raises(UserError, match=told):
        predict.main([*own, *words])
    assert not (tmp_path / "out").exists()


def test_a_bad_photo_is_named_at_the_end_and_the_exit_code_tells(
    args, tmp_path, capsys
):
    (tmp_path / "photos/c.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "photos/d.heic").write_bytes(b"x")
    assert predict.main(args) == 1
    shown = capsys.readouterr()
    assert "2 photos, ibug68" in shown.out
    assert "1 photos have no points" in shown.err and "c.jpg: " in shown.err
    assert "1 .heic" in shown.err
    assert "error" in json.loads((tmp_path / "out/points.json").read_text())["c.jpg"]


def test_ctrl_c_tells_how_to_go_on(args, tmp_path, monkeypatch, capsys):
    for number in range(30):
        Image.new("RGB", (40, 30)).save(tmp_path / f"photos/{number}.png")
    monkeypatch.setattr(Detector, "fails", [None, KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        predict.main(args)
    assert "after 16 of 32 photos; the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert predict.main(args) == 0
    assert "32 photos (16 of them from before)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ({"c.jpg": [0, 0, 9, 9]}, "no photo 'c.jpg'"),
        ({"a.jpg": [9, 9, 9, 9], "b.png": [3, 3, 3, 9]}, "None of 2 photos"),
        ({"a.jpg": [9, 9, 3, 3], "b.png": [0, 0, 9, 9]}, "--box-format"),
    ],
)
def test_wrong_boxes_end_it_with_nothing_written(args, boxes, words, tmp_path):
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(boxes))
    with pytest.raises(UserError, match=words):
        own = [word for word in args if word not in DETECTOR]
        predict.main([*own, "--boxes", str(file)])
    assert sorted(f.name for f in tmp_path.iterdir()) == ["boxes.json", "photos"]


@pytest.mark.parametrize("flag", ["--boxes", "--scheme", "--workdir", "--images"])
def test_what_is_given_empty_is_not_as_if_it_were_not_given(flag, args, tmp_path):
    """As a script gives a variable that has no value."""
    with pytest.raises(UserError, match=f"{flag} wants a value; got ''"):
        predict.main([*args, flag, ""])
    assert not (tmp_path / "out").exists()


def test_heads_of_a_job_that_was_broken_off_do_not_stay(args, tmp_path, monkeypatch):
    pytest.importorskip("trimesh", reason='needs the extra "fit"')
    from lmkjax.fitting import written

    def begin(folder, *_):
        (folder / written.FILE).write_text('{"a.jpg": [')
        (folder / written.FOLDER).mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(written, "write", begin)
    with pytest.raises(KeyboardInterrupt):
        predict.main([*args, "--fit"])
    assert predict.main(args) == 0
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == ["overlays", "points.json"]


def test_three_points_are_no_head_and_are_not_said_to_have_a_residual(
    args, tmp_path, capsys
):
    pytest.importorskip("trimesh", reason='needs the extra "fit"')
    from lmkjax.fitting import written

    known = schemes.read("nose_bridge: 3", name="few", where="few.yaml")
    entries = [("a.jpg", {"points": [[0, 0]] * 3, "uncertainty": [1.0] * 3})]
    entries[0][1]["overlay"] = "overlays/a.jpg.png"
    fitting = predict._Fitting(known)
    fitting(tmp_path, iter(entries))
    fitting.tell()
    assert json.loads((tmp_path / written.FILE).read_text()) == {
        "a.jpg": [{"settled": False}]
    }
    assert "residual_px (below eight points: none)" in capsys.readouterr().err


def test_a_form_of_boxes_without_boxes_is_refused(args, tmp_path):
    with pytest.raises(UserError, match="--box-format goes with --boxes"):
        predict.main([*args, "--box-format", "xywh"])
    assert not (tmp_path / "out").exists()


def test_a_job_begins_anew_where_the_schemes_file_has_changed(
    args, tmp_path, monkeypatch, capsys
):
    for number in range(30):
        Image.new("RGB", (40, 30)).save(tmp_path / f"photos/{number}.png")
    file = tmp_path / "mine.yaml"
    for lines, before in (("jaw: 17", "(16 of them from before)"), ("jaw: 19", "")):
        file.write_text("jaw: 17\n")
        monkeypatch.setattr(Detector, "fails", [None, KeyboardInterrupt()])
        with pytest.raises(KeyboardInterrupt):
            predict.main([*args, "--scheme", str(file)])
        file.write_text(lines + "\n")
        capsys.readouterr()
        assert predict.main([*args, "--scheme", str(file)]) == 0
        shown = capsys.readouterr().out
        assert before in shown and ("from before" in shown) == bool(before)


@pytest.mark.parametrize("images", [".", "a.jpg"])
def test_the_folder_one_is_in_is_no_place_for_results(images, args, monkeypatch):
    folder = pathlib.Path(args[3])
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(UserError, match="you are in .*Name a folder in it"):
        predict.main(["--images", images, "--out", "."])
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("verb", ["predict", "evaluate", "render"])
def test_a_batch_of_no_faces_is_refused(verb):
    command = importlib.import_module(f"lmkjax.{verb}")
    words = {
        "predict": ["--images", "x", "--out", "y"],
        "evaluate": ["--workdir", "x"],
        "render": ["--out", "y"],
    }
    with pytest.raises(UserError, match="--batch wants 1 or more; got 0"):
        command.main([*words[verb], "--batch", "0"])


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
    assert "Faces are found from 24 pixels on" in shown


# SciPy is not among them: it finds where the places of a scheme lie, and JAX brings
# it in any case.
NEEDLESS = "fcntl resource orbax orbax.checkpoint tensorflow tensorflow_datasets grain"
NEEDLESS += " matplotlib ml_collections tensorboardX plotly dm_pix array_record"


def test_predicting_needs_nothing_that_training_or_unix_alone_has():
    code = f"""if True:
        import sys, warnings
        warnings.simplefilter("ignore")  # of a softer lock, without fcntl
        for name in {NEEDLESS.split()}:
            sys.modules[name] = None
        import lmkjax.predict
        from lmkjax.detect import box_files, detection, photos
        from lmkjax.images import finding
        detection.Detector.from_checkpoint(detection.shipped())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not done.returncode, done.stderr[-2000:]
