"""Picture files: names, EXIF, refusals."""

import pytest
from PIL import Image

from lmkjax.errors import UserError
from lmkjax.images import reading


def save(path, width=40, height=30, mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (width, height)).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "in/a.jpg")
    save(tmp_path / "in/b.png", 50, 60, mode="L")
    save(tmp_path / "in/sub/a.jpg", 20, 10)
    (tmp_path / "in/notes.txt").write_text("no photo")
    return tmp_path / "in"


def test_photos_are_named_by_their_place_in_the_folder(folder):
    assert list(reading.find([folder])) == ["a.jpg", "b.png", "sub/a.jpg"]
    assert list(reading.find([folder / "b.png"])) == ["b.png"]
    assert list(reading.find([folder], apart=folder / "sub")) == ["a.jpg", "b.png"]


def test_finding_refuses_what_is_not_there_and_two_of_one_name(folder, tmp_path):
    with pytest.raises(UserError, match="no '.*none.jpg'"):
        reading.find([folder / "none.jpg"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty'; none"):
        reading.find([tmp_path / "empty"])
    with pytest.raises(UserError, match="one name, 'a.jpg'"):
        reading.find([folder / "a.jpg", folder / "sub/a.jpg"])


def test_a_photo_is_turned_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to be seen upright
    path = save(tmp_path / "a.jpg", 40, 30, exif=exif)
    image = reading.read(path)
    assert image.size == (30, 40) and image.mode == "RGB"


def test_a_photo_that_cannot_be_read_is_named(folder, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((folder / "a.jpg").read_bytes()[:200])
    for path in (broken, folder / "notes.txt", tmp_path / "none.png"):
        with pytest.raises(UserError, match=path.name) as caught:
            reading.read(path)
        assert "\n" not in str(caught.value)
