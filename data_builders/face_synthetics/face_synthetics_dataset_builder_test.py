"""FaceSynthetics: folder and zip read back, and what is refused."""

import io
import pathlib
import re
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from data_builders import build
from data_builders.face_synthetics import (
    face_synthetics_dataset_builder as face_synthetics,
)
from lmkjax.data import sources
from lmkjax.errors import UserError

DUMMY = pathlib.Path(__file__).parent / "dummy_data"


def zipped(tmp_path, *, top, of=DUMMY):
    file = tmp_path / "dataset_2.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for part in of.iterdir():
            archive.write(part, top + part.name)
    return file


def test_a_folder_gives_68_points_as_they_stand_in_the_file(tmp_path):
    prepared = build.prepare("face_synthetics", data_dir=tmp_path, source=DUMMY)
    assert sources.splits(prepared) == {"train": 2}  # not the segmentations
    source = sources.load(prepared, "train")
    assert source.names == ["000000", "000001"]
    # The files' first lines are 19.000 12.000 and 20.000 12.000.
    np.testing.assert_allclose(source[0].points[0], [19, 12], atol=1e-5)
    np.testing.assert_allclose(source[1].points[0], [20, 12], atol=1e-5)
    assert source[0].points.shape == (68, 2)
    assert source.record(0).photo == (DUMMY / "000000.png").read_bytes()


@pytest.mark.parametrize("top", ["", "dataset_2/"])
def test_the_zip_gives_what_the_folder_gives(tmp_path, top):
    folder = build.prepare("face_synthetics", data_dir=tmp_path / "a", source=DUMMY)
    file = zipped(tmp_path, top=top)
    packed = build.prepare("face_synthetics", data_dir=tmp_path / "b", source=file)
    one, other = sources.load(folder, "train"), sources.load(packed, "train")
    assert one.names == other.names
    for index in range(2):
        np.testing.assert_array_equal(one[index].image, other[index].image)
        np.testing.assert_array_equal(one[index].points, other[index].points)


def relabelled(change):
    def spoil(folder):
        file = folder / "000001_ldmks.txt"
        rows = file.read_text().splitlines()
        change(rows)
        file.write_text("\n".join(rows))

    return spoil


def unmark(rows):
    rows[3] = "-1.0 -1.0"


def zeros(rows):
    rows[:] = ["0 0"] * 70


def one_eye(rows):
    rows[45] = rows[36]


def shorten(rows):
    del rows[2:]


def cut_off(kind):
    def spoil(folder):
        data = io.BytesIO()
        noise = np.random.RandomState(0).randint(0, 255, (64, 64, 3)).astype(np.uint8)
        Image.fromarray(noise).save(data, kind)
        half = data.getvalue()[: len(data.getvalue()) // 2]
        (folder / "000001.png").write_bytes(half)

    return spoil


def unlabel(folder):
    (folder / "000001_ldmks.txt").unlink()


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (relabelled(unmark), "000001_ldmks.txt: point 3 .*nobody marked"),
        (relabelled(zeros), "000001_ldmks.txt: point 0 .*nobody marked"),
        (relabelled(one_eye), "000001_ldmks.txt: points 36 and 45"),
        (relabelled(shorten), "000001_ldmks.txt: wanted 70 points.*found 2"),
        (unlabel, "000001_ldmks.txt: cannot be read"),
        (cut_off("PNG"), "000001.png: not a photo that can be read"),
        (cut_off("JPEG"), "000001.png: not a photo that can be read"),
    ],
)
def test_a_bad_face_is_left_out_and_named_until_it_is_mended(
    tmp_path, spoil, reason, packed
):
    def options():
        source = zipped(tmp_path, top="", of=folder) if packed else folder
        return {"data_dir": tmp_path / "data", "source": source}

    folder = pathlib.Path(shutil.copytree(DUMMY, tmp_path / "source"))
    shutil.copy(folder / "000000.png", folder / "000002.png")  # the ends are digested
    shutil.copy(folder / "000000_ldmks.txt", folder / "000002_ldmks.txt")
    spoil(folder)
    prepared = build.prepare("face_synthetics", **options())
    assert sources.load(prepared, "train").names == ["000000", "000002"]
    first, last = build.describe("face_synthetics", prepared)
    assert first == "FaceSynthetics train: 2 of 100000 faces"
    assert re.match(f"Left out {reason}", last)
    for file in DUMMY.glob("000001*"):
        shutil.copy(file, folder)
    mended = build.prepare("face_synthetics", **options())
    assert sources.splits(mended) == {"train": 3}


def test_a_source_without_a_good_face_is_refused(tmp_path):
    folder = pathlib.Path(shutil.copytree(DUMMY, tmp_path / "source"))
    for file in folder.glob("*_ldmks.txt"):
        file.write_text("")
    with pytest.raises(UserError, match="none of its 2 faces can be used.*found 0"):
        build.prepare("face_synthetics", data_dir=tmp_path / "data", source=folder)


def test_a_folder_without_faces_is_refused(tmp_path):
    with pytest.raises(UserError, match="wanted FaceSynthetics"):
        build.prepare("face_synthetics", data_dir=tmp_path, source=tmp_path)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_corrected_labels_and_other_pictures_are_prepared_anew(tmp_path, form):
    folder = pathlib.Path(shutil.copytree(DUMMY, tmp_path / "source"))
    shutil.copy(folder / "000001.png", folder / "000002.png")
    middle = folder / "000002_ldmks.txt"
    shutil.copy(folder / "000001_ldmks.txt", middle)
    for end in (".png", "_ldmks.txt"):
        shutil.copy(folder / f"000001{end}", folder / f"000003{end}")

    def name():
        source = folder if form == "folder" else zipped(tmp_path, top="", of=folder)
        return face_synthetics.make_config(source=source).name

    names = [name(), name()]
    middle.write_text(middle.read_text().replace("20.000 12.000", "20.000 13.000"))
    names.append(name())
    (folder / "000002.png").write_bytes((folder / "000001.png").read_bytes()[:-9])
    names.append(name())
    assert [names.index(own) for own in names] == [0, 0, 2, 3]


def test_a_face_that_is_there_twice_is_refused(tmp_path):
    folder = pathlib.Path(shutil.copytree(DUMMY, tmp_path / "faces"))
    shutil.copytree(DUMMY, folder / "dataset_2")
    with pytest.raises(UserError, match=r"once; .* 000000.png and dataset_2/000000"):
        build.prepare("face_synthetics", data_dir=tmp_path, source=folder)


@pytest.mark.parametrize("part", ["end", "list"])
def test_a_damaged_zip_is_told_to_be_one(tmp_path, part):
    file = zipped(tmp_path, top="")
    data = file.read_bytes()
    if part == "end":
        file.write_bytes(data[: len(data) // 2])
    else:
        file.write_bytes(data.replace(b"PK\1\2", b"PK\0\0"))
    with pytest.raises(UserError, match="dataset_2.zip: wanted.*cut off"):
        build.prepare("face_synthetics", data_dir=tmp_path, source=file)
    with pytest.raises(UserError, match="No such file"):
        build.prepare("face_synthetics", data_dir=tmp_path, source=tmp_path / "no.zip")
