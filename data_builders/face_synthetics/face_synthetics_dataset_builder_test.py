"""FaceSynthetics: folder and zip read back, and what is refused."""

import io
import pathlib
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


def zipped(tmp_path, *, top):
    file = tmp_path / "dataset_2.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for part in DUMMY.iterdir():
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


def test_another_count_of_points_is_refused(tmp_path):
    folder = pathlib.Path(shutil.copytree(DUMMY, tmp_path / "source"))
    (folder / "000001_ldmks.txt").write_text("1 2\n3 4\n")
    with pytest.raises(UserError, match="000001_ldmks.txt: wanted 70 points"):
        build.prepare("face_synthetics", data_dir=tmp_path / "data", source=folder)


def test_a_folder_without_faces_is_refused(tmp_path):
    with pytest.raises(UserError, match="wanted FaceSynthetics"):
        build.prepare("face_synthetics", data_dir=tmp_path, source=tmp_path)


def test_corrected_labels_are_prepared_anew(tmp_path):
    folder = pathlib.Path(shutil.copytree(DUMMY, tmp_path / "source"))
    shutil.copy(folder / "000001.png", folder / "000002.png")
    middle = folder / "000002_ldmks.txt"
    shutil.copy(folder / "000001_ldmks.txt", middle)
    for end in (".png", "_ldmks.txt"):
        shutil.copy(folder / f"000001{end}", folder / f"000003{end}")
    before = face_synthetics.make_config(source=folder).name
    middle.write_text(middle.read_text().replace("20.000 12.000", "20.000 13.000"))
    assert face_synthetics.make_config(source=folder).name != before


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_cut_off_or_of_another_kind_is_named(tmp_path, kind):
    folder = pathlib.Path(shutil.copytree(DUMMY, tmp_path / "source"))
    file = folder / "000001.png"
    data = io.BytesIO()
    noise = np.random.RandomState(0).randint(0, 255, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(data, kind)
    file.write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
    with pytest.raises(UserError, match="000001.png: cannot be read as PNG"):
        build.prepare("face_synthetics", data_dir=tmp_path / "data", source=folder)
