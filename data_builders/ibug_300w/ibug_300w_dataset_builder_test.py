"""300-W: the official layout read back, what is left out, and what is refused."""

import io
import pathlib
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from data_builders import build
from data_builders.ibug_300w import ibug_300w_dataset_builder as builder
from lmkjax.data import ibug_300w, sources
from lmkjax.errors import UserError
from lmkjax.images import reading

DUMMY = pathlib.Path(__file__).parent / "dummy_data"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    return build.prepare("ibug_300w", data_dir=data_dir, source=DUMMY)


@pytest.fixture
def folder(tmp_path):
    return pathlib.Path(shutil.copytree(DUMMY, tmp_path / "300w"))


def test_splits_are_the_official_ones_without_mirrored_copies(prepared):
    expected = {"train": 3, "common": 2, "challenging": 1, "private": 1}
    assert sources.splits(prepared) == expected
    names = sources.load(prepared, "train").names
    assert names == ["afw/one_1", "helen/trainset/two_1", "lfpw/trainset/image_0001"]


def test_the_official_counts_are_told_beside_those_found(prepared):
    lines = builder.describe(prepared)
    assert lines[0] == "300-W train: 3 of 3148 faces, in part"
    assert [sum(parts.values()) for parts in ibug_300w.SPLITS.values()] == [
        3148,
        554,
        135,
        600,
    ]


def test_points_move_by_half_a_pixel_with_and_without_a_header(prepared):
    source = sources.load(prepared, "train")
    # The first point of the first file stands there as 26.000 14.000.
    np.testing.assert_allclose(source[0].points[0], [25.5, 13.5], atol=1e-5)
    np.testing.assert_allclose(source[2].points[0], [28.5, 13.5], atol=1e-5)


def test_photos_are_the_very_bytes_unless_they_are_grey(prepared):
    source = sources.load(prepared, "train")
    assert source.record(0).photo == (DUMMY / "afw/one_1.jpg").read_bytes()
    grey = Image.open(io.BytesIO(source.record(1).photo))
    assert (grey.mode, grey.format) == ("RGB", "PNG")
    assert source[1].image.shape == (30, 36, 3)


def test_no_tensorflow_comes_in(prepared):
    assert "tensorflow" not in sys.modules


def test_a_missing_split_is_named_and_no_error(folder, tmp_path):
    shutil.rmtree(folder / "ibug")
    shutil.rmtree(folder / "300W")
    prepared = build.prepare("ibug_300w", data_dir=tmp_path / "data", source=folder)
    assert set(sources.splits(prepared)) == {"train", "common"}
    assert "challenging: 0 of 135 faces, missing (ibug)" in "".join(
        builder.describe(prepared)
    )
    with pytest.raises(UserError, match="no split 'private'"):
        sources.load(prepared, "private")


def test_a_changed_folder_is_prepared_anew(folder, tmp_path):
    data_dir = tmp_path / "data"
    first = build.prepare("ibug_300w", data_dir=data_dir, source=folder)
    assert build.prepare("ibug_300w", data_dir=data_dir, source=folder) == first
    file = folder / "afw/one_1.pts"
    file.write_text(file.read_text().replace("26.000 14.000", "26.000 15.000"))
    second = build.prepare("ibug_300w", data_dir=data_dir, source=folder)
    assert second != first
    moved = sources.load(second, "train")[0].points[0]
    np.testing.assert_allclose(moved, [25.5, 14.5], atol=1e-5)


def unmark(folder):
    text = (folder / "afw/one_1.pts").read_text()
    (folder / "afw/one_1.pts").write_text(text.replace("26.000 14.000", "-1 -1", 1))


def shorten(folder):
    text = (folder / "afw/one_1.pts").read_text()
    (folder / "afw/one_1.pts").write_text(text.replace("26.000 14.000\n", "", 1))


def break_number(folder):
    text = (folder / "afw/one_1.pts").read_text()
    (folder / "afw/one_1.pts").write_text(text.replace("26.000 14", "nan 14", 1))


def cut_off(folder):
    photo = folder / "afw/one_1.jpg"
    photo.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])


def inflate(folder):
    Image.new("RGB", (200, 200)).save(folder / "afw/one_1.jpg")


def turn(folder):
    photo, exif = folder / "afw/one_1.jpg", Image.Exif()
    exif[0x0112] = 6  # as phones write it of a photo taken upright
    Image.open(photo).save(photo, exif=exif)


def shrink(folder):
    photo = folder / "afw/one_1.jpg"
    Image.open(photo).resize((8, 8)).save(photo)


def remove(folder):
    (folder / "afw/one_1.jpg").unlink()


BAD = [
    (unmark, "afw/one_1.pts: point 0 .*nobody marked"),
    (shorten, "afw/one_1.pts: wanted 68 points.*found 67"),
    (break_number, "afw/one_1.pts: point 0 .*finite"),
    (cut_off, "afw/one_1.jpg: not a photo that can be read .*[Tt]runcated"),
    (inflate, "afw/one_1.jpg: .*200 x 200 pixels, and more than"),
    (turn, "afw/one_1.jpg: its EXIF says to turn it"),
    (shrink, "afw/one_1.pts: most of its points lie beside its photo of 8 x 8"),
    (remove, "afw/one_1.pts: wanted a photo beside it"),
]


@pytest.mark.parametrize(
    ("spoil", "reason"), BAD, ids=[spoil.__name__ for spoil, _ in BAD]
)
def test_a_bad_face_is_left_out_and_named_until_it_is_mended(
    folder, tmp_path, monkeypatch, spoil, reason
):
    monkeypatch.setattr(reading, "LIMIT", 10_000)
    spoil(folder)
    options = {"data_dir": tmp_path / "data", "source": folder}
    prepared = build.prepare("ibug_300w", **options)
    assert sources.splits(prepared)["train"] == 2
    assert sources.load(prepared, "train").names[0] == "helen/trainset/two_1"
    first, *_, last = build.describe("ibug_300w", prepared)
    assert first == "300-W train: 2 of 3148 faces, in part"
    assert re.match(f"Left out {reason}", last)
    assert str(tmp_path) not in last
    assert build.prepare("ibug_300w", **options) == prepared
    for file in (DUMMY / "afw").glob("one_1.*"):
        shutil.copy(file, folder / "afw")
    mended = build.prepare("ibug_300w", **options)
    assert sources.splits(mended)["train"] == 3
    assert "Left out" not in "".join(build.describe("ibug_300w", mended))


def test_a_photo_mended_without_another_size_is_noticed(folder, tmp_path):
    photo = folder / "afw/one_1.jpg"
    photo.write_bytes(bytes(photo.stat().st_size))
    options = {"data_dir": tmp_path / "data", "source": folder}
    before = build.prepare("ibug_300w", **options)
    assert sources.splits(before)["train"] == 2
    shutil.copy(DUMMY / "afw/one_1.jpg", photo)
    assert build.prepare("ibug_300w", **options) == before
    assert sources.splits(before)["train"] == 3


def test_a_split_without_a_good_face_is_no_split(folder, tmp_path):
    (folder / "ibug/four_1.jpg").write_bytes(b"no photo")
    prepared = build.prepare("ibug_300w", data_dir=tmp_path / "data", source=folder)
    assert "challenging" not in sources.splits(prepared)
    told = build.describe("ibug_300w", prepared)
    assert "300-W challenging: 0 of 135 faces, all left out" in told


def test_a_folder_without_a_good_face_is_refused(folder, tmp_path):
    for photo in [*folder.rglob("*.jpg"), *folder.rglob("*.png")]:
        photo.write_bytes(b"no photo")
    with pytest.raises(
        UserError, match="none of its 7 faces can be used.*this is no image"
    ):
        build.prepare("ibug_300w", data_dir=tmp_path / "data", source=folder)
    assert not list((tmp_path / "data").rglob("*.array_record*"))


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_without_faces_is_told_the_layout(tmp_path, name):
    with pytest.raises(UserError, match="wanted 300-W"):
        build.prepare("ibug_300w", data_dir=tmp_path, source=tmp_path / name)


def test_endings_in_capitals_are_found_and_hidden_twins_are_not(folder):
    expected = ibug_300w.find(folder)["train"].keys()
    one = folder / "afw/one_1.pts"
    one.rename(one.with_suffix(".PTS"))
    (folder / "afw/one_1.jpg").rename(folder / "afw/one_1.Jpg")
    (folder / "afw/._one_1.pts").write_bytes(b"\0\5\x16\7\xb0\xff")
    (folder / "afw/x.pts").mkdir()
    (folder / "afw/one_1.png").mkdir()
    found = ibug_300w.find(folder)["train"]
    assert found.keys() == expected
    assert ibug_300w.photo_of(found["afw/one_1"]).name == "one_1.Jpg"


def test_grey_of_16_bits_is_scaled_and_transparent_is_white(tmp_path):
    grey = np.full((4, 5), 128 * 257, np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.new("RGBA", (5, 4), (0, 0, 0, 0)).save(tmp_path / "b.png")
    for name, shade in (("a.png", 128), ("b.png", 255)):
        photo = Image.open(io.BytesIO(ibug_300w.encoded(tmp_path / name)))
        assert photo.getpixel((2, 2)) == (shade, shade, shade)


def test_a_photo_is_found_without_a_look_at_all_files_of_its_folder(monkeypatch):
    """300-W has thousands of them, and each start of a training asks for all."""
    faces = [f for own in ibug_300w.find(DUMMY).values() for f in own.values()]
    monkeypatch.setattr(pathlib.Path, "glob", None)
    assert all(ibug_300w.photo_of(file).stem == file.stem for file in faces)
