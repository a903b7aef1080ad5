"""Which faces a run has: 300-W in part, and what cannot be trained on."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from configs import base
from lmkjax.errors import UserError
from lmkjax.experiment import datasets, measurement, plan


@pytest.fixture
def wanted(tmp_path):
    """What a run wants whose 300-W holds two test faces and no other."""
    folder = tmp_path / "300w/helen/testset"
    folder.mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (64, 60)).save(folder / f"{name}.jpg")
        points = np.random.default_rng(0).uniform(9, 50, (68, 2))
        rows = "\n".join(f"{x:.3f} {y:.3f}" for x, y in points)
        text = f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n"
        (folder / f"{name}.pts").write_text(text)
    config = base.get_config("tiny").unlock()
    config.data.ibug_300w = str(tmp_path / "300w")
    config.data.dir = str(tmp_path / "data")
    return dataclasses.replace(plan.build(config).faces, source=None)


def test_test_photos_alone_are_measured_on_without_a_mean_face(wanted):
    faces = datasets.prepare(wanted)
    assert [test.name for test in faces.tests] == ["common"]
    assert faces.tests[0].scheme == measurement.IBUG68
    assert faces.target is None and faces.train == {}
    assert "no mean face" in faces.notes[-1]


def test_test_photos_alone_are_not_trained_on(wanted):
    assert not wanted.to_train  # synthetic faces alone
    with pytest.raises(UserError, match="train photos.*to train on; none"):
        datasets.prepare(dataclasses.replace(wanted, to_train=True))
