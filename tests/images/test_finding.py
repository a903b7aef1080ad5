"""Photos in folders: names, what is passed over and said, loops and closed doors."""

import os

import pytest
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.images import finding


def save(path, width=40, height=30, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (width, height)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "in/a.jpg")
    save(tmp_path / "in/b.png", 50, 60, mode="L")
    save(tmp_path / "in/sub/a.jpg", 20, 10)
    return tmp_path / "in"


def names(*paths, **options):
    return list(finding.find(paths, **options).photos)


def test_photos_are_named_by_their_place_in_the_folder(folder):
    assert names(folder) == ["a.jpg", "b.png", "sub/a.jpg"]
    assert names(folder / "b.png") == ["b.png"]
    assert names(folder, apart=folder / "sub") == ["a.jpg", "b.png"]
    assert finding.find([folder]).notes == []


def test_endings_count_in_any_case(folder):
    for name in ("c.Jpg", "d.JPEG", "e.PNG", "f.gif"):
        save(folder / name)
    assert names(folder)[2:6] == ["c.Jpg", "d.JPEG", "e.PNG", "f.gif"]


def test_other_kinds_are_counted_and_told_what_would_read_them(folder):
    for name in ("c.HEIC", "d.heic", "sub/e.mp4", "notes.txt", "README", ".DS_Store"):
        (folder / name).write_bytes(b"x")
    found = finding.find([folder])
    assert len(found.photos) == 3
    (note,) = found.notes
    assert "5 files" in note and "2 .heic" in note and "1 without ending" in note
    assert ".heic: `pip install pillow-heif`" in note and ".mp4: take" in note
    (folder / "only").mkdir()
    (folder / "only/a.heic").write_bytes(b"x")
    with pytest.raises(UserError, match="only'; none.*1 .heic.*pillow-heif"):
        finding.find([folder / "only"])


def test_notes_of_macos_are_no_photos_but_a_photo_so_called_is_one(folder):
    (folder / "._a.jpg").write_bytes(b"\x00\x05\x16\x07 Mac OS X")
    (folder / "._c.pts").write_bytes(b"\x00\x05\x16\x07 Mac OS X")
    save(folder / "._real.jpg")
    found = finding.find([folder])
    assert len(found.photos) == 4 and "._real.jpg" in found.photos
    assert found.notes == [
        "Passed over 2 files '._*': macOS's notes on other files, no pictures."
    ]


def test_a_folder_called_like_a_photo_is_a_folder(folder):
    save(folder / "x.jpg/y.png")
    assert "x.jpg/y.png" in names(folder) and "x.jpg" not in names(folder)


def test_links_are_followed_once(folder, tmp_path):
    save(tmp_path / "else/z.png")
    (folder / "linked").symlink_to(tmp_path / "else")
    (folder / "sub/loop").symlink_to(folder)
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert names(folder) == [
        *("a.jpg", "b.png", "gone.jpg", "linked/z.png", "sub/a.jpg")
    ]


def test_what_would_never_end_is_not_read(folder):
    os.mkfifo(folder / "pipe.jpg")
    assert "pipe.jpg" not in names(folder)


def test_a_folder_that_cannot_be_opened_is_told(folder, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = finding.find([folder])
    assert list(found.photos) == ["a.jpg", "b.png"]
    assert "1 folders" in found.notes[0] and "Permission denied" in found.notes[0]


def test_unfinished_results_beside_the_results_are_left_out(folder):
    save(folder / ".out.part/overlays/a.png")
    save(folder / "out/overlays/a.png")
    assert names(folder, apart=folder / "out") == ["a.jpg", "b.png", "sub/a.jpg"]


def test_finding_refuses_what_is_not_there_and_two_of_one_name(folder, tmp_path):
    with pytest.raises(UserError, match="no '.*none.jpg'"):
        finding.find([folder / "none.jpg"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty'; none"):
        finding.find([tmp_path / "empty"])
    with pytest.raises(UserError, match="one name, 'a.jpg'"):
        finding.find([folder / "a.jpg", folder / "sub/a.jpg"])
