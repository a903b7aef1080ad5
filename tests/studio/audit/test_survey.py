"""Real faces beside the rendered ones: one that cannot be used costs itself."""

import pathlib
import shutil

import pytest

from lmkjax.errors import UserError
from lmkjax.studio.audit import survey

DUMMY = pathlib.Path(__file__).parents[3] / "data_builders/ibug_300w/dummy_data"


@pytest.fixture
def folder(tmp_path):
    return pathlib.Path(shutil.copytree(DUMMY, tmp_path / "300w"))


def test_bad_labels_and_photos_are_left_out_and_named(folder, capsys):
    pts = folder / "afw/one_1.pts"
    pts.write_text(pts.read_text().replace("26.000 14.000", "-1 -1", 1))
    files, points = survey._marked(folder)
    assert len(files) == len(points) == 2 and pts not in files
    (folder / "lfpw/trainset/image_0001.png").write_bytes(b"no photo")
    assert len(list(survey._photographed(files, points))) == 1
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2 and "one_1.pts: point 0" in told[0]
    assert "image_0001.png: not a photo" in told[1]


def test_photos_of_which_none_can_be_read_are_refused(folder):
    files, points = survey._marked(folder)
    for file in files:
        survey.ibug_300w.photo_of(file).write_bytes(b"no photo")
    with pytest.raises(UserError, match="none can be read"):
        list(survey._photographed(files, points))
