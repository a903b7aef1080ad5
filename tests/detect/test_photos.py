"""A user's photos: what is written, what one bad photo costs, and jobs broken off."""

import errno
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from lmkjax import files
from lmkjax.detect import box_files, photos
from lmkjax.detect.finder import looking
from lmkjax.errors import UserError
from lmkjax.images import finding

SCHEME = "ibug68"


def save(path, width=40, height=30, mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (width, height)).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "in/a.jpg")
    save(tmp_path / "in/b.png", 50, 60, mode="L")
    save(tmp_path / "in/sub/a.jpg", 20, 10)
    return tmp_path / "in"


class Finder:
    """Points on the diagonal of each box, or picture, as a detector would give them.

    Attributes:
        calls: the sizes of the pictures that it was asked about, call by call.
        fail: what it raises at the call of that number.
    """

    def __init__(self, fail=None):
        self.calls, self.fail = [], fail or {}

    def __call__(self, images, boxes, *, scheme):
        assert scheme == SCHEME
        if error := self.fail.get(len(self.calls)):
            raise error
        self.calls.append([image.size for image in images])
        sizes = np.array([image.size for image in images], np.float32)
        whole = np.concatenate([0 * sizes, sizes], -1)
        boxes = whole if boxes is None else np.array(boxes)
        points = np.linspace(boxes[:, :2], boxes[:, 2:], 68, axis=1)
        return points, np.full((len(images), 68), 0.5), boxes


def annotate(folder, find_faces=None, **options):
    found = finding.find([folder]).photos
    options = {"scheme": SCHEME, "together": 1} | options
    return photos.annotate(
        find_faces or Finder(), found, folder.parent / "out", **options
    )


def content(folder):
    return json.loads((folder.parent / "out/points.json").read_text())


def left(folder):
    return sorted(path.name for path in folder.parent.iterdir())


def test_points_and_overlays_are_written(folder):
    outcome = annotate(folder, together=2)
    assert outcome == (3, 0, {}, [], [], [])
    said = content(folder)
    assert list(said) == ["a.jpg", "b.png", "sub/a.jpg"]
    face = said["b.png"]
    assert set(face) == {
        *("box", "points", "uncertainty", "scheme", "convention", "overlay")
    }
    assert face["points"][67] == [50, 60] and len(face["uncertainty"]) == 68
    assert face["box"] == [0, 0, 50, 60] and face["scheme"] == SCHEME
    overlays = sorted(f.name for f in (folder.parent / "out/overlays").iterdir())
    assert overlays == ["a.jpg.png", "b.png.png", "sub_a.jpg.png"]
    with Image.open(folder.parent / "out" / face["overlay"]) as picture:
        assert picture.size == (50, 60)
    assert left(folder) == ["in", "out"]


def test_an_earlier_result_is_replaced_and_other_folders_are_left_alone(folder):
    annotate(folder)
    (folder / "b.png").unlink()
    (folder / "sub/a.jpg").unlink()
    annotate(folder)
    assert list(content(folder)) == ["a.jpg"]
    assert len(list((folder.parent / "out/overlays").iterdir())) == 1
    found = finding.find([folder]).photos
    with pytest.raises(UserError, match="already holds 'a.jpg'"):
        photos.annotate(Finder(), found, folder, scheme=SCHEME)
    with pytest.raises(UserError, match="is a file"):
        photos.annotate(Finder(), found, folder / "a.jpg", scheme=SCHEME)
    assert left(folder) == ["in", "out"]


def test_a_bad_photo_costs_itself(folder):
    cut = (folder / "a.jpg").read_bytes()[:200]
    (folder / "c.jpg").write_bytes(cut)
    (folder / "gone.jpg").symlink_to(folder / "nowhere")
    outcome = annotate(folder, together=2)
    assert outcome.done == 3 and list(outcome.faults) == ["c.jpg", "gone.jpg"]
    said = content(folder)
    assert list(said) == ["a.jpg", "b.png", "c.jpg", "gone.jpg", "sub/a.jpg"]
    assert list(said["c.jpg"]) == ["error"] and "c.jpg" in said["c.jpg"]["error"]
    assert len(list((folder.parent / "out/overlays").iterdir())) == 3


def test_a_photo_of_few_pixels_is_no_face(folder):
    save(folder / "dot.png", 3, 2)
    assert annotate(folder).faults == {"dot.png": "it has fewer than 4 pixels a side"}
    assert len(content(folder)["a.jpg"]["points"]) == 68


def test_where_no_photo_is_good_earlier_results_stay(folder):
    annotate(folder)
    for file in folder.rglob("*.*"):
        file.write_bytes(b"broken")
    with pytest.raises(UserError, match="None of 3 photos.*'a.jpg'"):
        annotate(folder)
    assert len(content(folder)) == 3 and left(folder) == ["in", "out"]


def test_points_that_are_not_finite_are_a_fault(folder):
    class Diverged(Finder):
        def __call__(self, images, boxes, *, scheme):
            points, *rest = super().__call__(images, boxes, scheme=scheme)
            points[[image.size == (50, 60) for image in images]] = np.nan
            return points, *rest

    told = []
    outcome = annotate(
        folder, Diverged(), together=8, progress=lambda *so_far: told.append(so_far)
    )
    assert told == [(3, 3)]  # each is done or given up, and none is both
    assert list(outcome.faults) == ["b.png"] and "not finite" in outcome.faults["b.png"]


STOPS = [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]


@pytest.mark.parametrize("stop", STOPS, ids=["ctrl_c", "disk_full"])
def test_a_job_that_was_broken_off_goes_on(folder, stop):
    annotate(folder)
    earlier = content(folder)
    save(folder / "c.jpg")
    with pytest.raises(type(stop)):
        annotate(folder, Finder(fail={2: stop}))
    assert content(folder) == earlier  # until the new is whole
    finder = Finder()
    outcome = annotate(folder, finder)
    assert (outcome.done, outcome.before) == (4, 2) and len(finder.calls) == 2
    assert list(content(folder)) == ["a.jpg", "b.png", "c.jpg", "sub/a.jpg"]
    assert left(folder) == ["in", "out"]


@pytest.mark.parametrize("what", ["asked", "photo", "boxes", "overlay", "line"])
def test_what_has_changed_since_is_done_anew(folder, what):
    boxes = given({"a.jpg": [0, 0, 9, 9], "b.png": [0, 0, 9, 9], "sub/a.jpg": [0] * 4})
    with pytest.raises(KeyboardInterrupt):
        annotate(folder, Finder(fail={2: KeyboardInterrupt()}), boxes=boxes, asked=1)
    asked, part = 1, folder.parent / ".out.part"
    if what == "asked":
        asked = 2
    elif what == "photo":
        save(folder / "a.jpg", 30, 20)
    elif what == "boxes":
        boxes.boxes["a.jpg"][0, 0] = 1
    elif what == "overlay":
        (part / "new/overlays/a.jpg.png").unlink()
    else:  # the last line was cut off
        journal = part / "journal.jsonl"
        journal.write_bytes(journal.read_bytes()[:-9])
    outcome = annotate(folder, boxes=boxes, asked=asked)
    assert outcome.done == 3 and outcome.before == (0 if what == "asked" else 1)


def test_what_was_told_of_photos_before_a_break_is_told_by_the_job_that_goes_on(folder):
    boxes = given({n: [8, 8, 13, 13] for n in ("a.jpg", "b.png", "sub/a.jpg")})
    own = {"boxes": boxes, "subset": np.arange(68)}
    with pytest.raises(KeyboardInterrupt):
        annotate(folder, Fixed(fail={2: KeyboardInterrupt()}), **own)
    outcome = annotate(folder, Fixed(), **own)
    assert outcome.before == 2 and outcome.loose == ["a.jpg", "b.png", "sub/a.jpg"]

    def many(image):
        boxes = np.float32([[1, 1, 9, 9]])
        return looking.Found(boxes, np.float32([0.9]), 3 * (image.width == 40))

    with pytest.raises(KeyboardInterrupt):
        annotate(folder, Finder(fail={1: KeyboardInterrupt()}), finder=many)
    outcome = annotate(folder, finder=many)
    assert outcome.before == 1
    assert outcome.notes == ["a.jpg: the surest 1 of 4 faces are kept"]
    assert set(content(folder)["a.jpg"]) == {"faces", "scheme", "convention", "overlay"}


def test_two_jobs_at_once_are_refused(folder):
    home = folder.parent / ".out.part"
    with files.alone(home, wait=False, why=""):
        with pytest.raises(UserError, match="Another process predicts into .*out"):
            annotate(folder)


def test_a_rename_that_fails_loses_nothing(folder, monkeypatch):
    annotate(folder)
    earlier, rename = content(folder), pathlib.Path.rename

    def refuse(self, target):
        if self.name == "new":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(pathlib.Path, "rename", refuse)
    save(folder / "c.jpg")
    with pytest.raises(OSError, match="busy"):
        annotate(folder)
    assert content(folder) == earlier
    monkeypatch.undo()
    finder = Finder()
    assert annotate(folder, finder).before == 4 and not finder.calls


def given(boxes, **options):
    arrays = {name: np.array(b, np.float32).reshape(-1, 4) for name, b in boxes.items()}
    for array in arrays.values():
        array[:, 2:] = np.maximum(array[:, 2:], array[:, :2] + 5)
    kinds = {"several": set(), "faults": {}, "notes": [], "form": "corners"}
    return box_files.Boxes(arrays, **kinds | options)


def test_several_faces_of_a_photo(folder):
    two = [[0, 0, 9, 9], [10, 0, 29, 20]]
    boxes = given(
        {"a.jpg": two, "b.png": [1, 1, 9, 9]},
        several={"a.jpg"},
        faults={"sub/a.jpg": "none"},
    )
    finder = Finder()
    outcome = annotate(folder, finder, boxes=boxes, together=8)
    assert finder.calls == [[(40, 30), (40, 30), (50, 60)]]
    assert outcome.done == 2 and outcome.faults == {"sub/a.jpg": "none"}
    face, *more = content(folder)["a.jpg"]["faces"]
    assert face["points"][67] == [9, 9] and more[0]["box"] == two[1]
    assert content(folder)["b.png"]["points"][67] == [9, 9]


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([100, 0, 120, 20], "beside the photo of 40 x 30"),
        ([35, 25, 95, 95], "mostly beside"),
        ([-200, -200, 200, 200], "mostly beside"),
    ],
)
def test_a_box_that_misses_its_photo_is_a_fault(folder, box, words):
    boxes = given({"a.jpg": box, "b.png": [0, 0, 9, 9], "sub/a.jpg": [0, 0, 9, 9]})
    outcome = annotate(folder, boxes=boxes)
    assert list(outcome.faults) == ["a.jpg"] and words in outcome.faults["a.jpg"]


class Fixed(Finder):
    """Finds the same face wherever the box is."""

    def __call__(self, images, boxes, *, scheme):
        points, uncertainty, boxes = super().__call__(images, boxes, scheme=scheme)
        points = np.repeat(np.linspace([8, 8], [20, 20], 68)[None], len(points), 0)
        return points, uncertainty, boxes


def test_boxes_of_another_form_are_noticed_by_their_faces(folder):
    boxes = given({n: [8, 8, 13, 13] for n in ("a.jpg", "b.png")}, form=None)
    boxes.faults["sub/a.jpg"] = "none"
    with pytest.raises(UserError, match="--box-format xywh"):
        annotate(folder, Fixed(), boxes=boxes, subset=np.arange(68))
    outcome = annotate(
        folder, Fixed(), boxes=boxes._replace(form="corners"), subset=np.arange(68)
    )
    assert outcome.loose == ["a.jpg", "b.png"]
    right = given({n: [8, 8, 20, 20] for n in ("a.jpg", "b.png")}, form=None)
    right.faults["sub/a.jpg"] = "none"
    assert annotate(folder, Fixed(), boxes=right, subset=np.arange(68)).loose == []


def test_memory_bounds_how_many_are_looked_at_together(folder, monkeypatch):
    monkeypatch.setattr(photos, "AT_ONCE", 40 * 30 + 50 * 60)
    finder, told = Finder(), []
    annotate(folder, finder, together=9, progress=lambda *now: told.append(now))
    assert [len(call) for call in finder.calls] == [2, 1]
    assert told == [(2, 3), (3, 3)]
