"""Which faces a run has: 300-W in part, and what cannot be trained on."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from configs import base, synthetic_only
from lmkjax.errors import UserError
from lmkjax.experiment import datasets, parts, plan
from lmkjax.experiment.bench import measurement
from lmkjax.landmarks import schemes

DUMMY = pathlib.Path(__file__).parents[2] / "data_builders"


@pytest.fixture
def spec(tmp_path):
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


def test_test_photos_alone_are_measured_on_without_a_mean_face(spec):
    faces = datasets.prepare(spec)
    assert [test.name for test in faces.tests] == ["common"]
    assert faces.tests[0].scheme == measurement.IBUG68
    assert faces.target is None and faces.train == {}
    assert "no mean face" in faces.notes[-1]


def test_test_photos_alone_are_not_trained_on(spec):
    assert not spec.to_train  # synthetic faces alone
    with pytest.raises(UserError, match="train photos.*to train on; none"):
        datasets.prepare(dataclasses.replace(spec, to_train=True))


def test_few_photos_can_be_measured_on_where_a_run_held_out_more(spec, tmp_path):
    """As the weights that come along did: 400, and a user's own folder has fewer."""
    shutil.copytree(tmp_path / "300w/helen/testset", tmp_path / "300w/helen/trainset")
    held = dataclasses.replace(spec, validation=400)
    faces = datasets.prepare(held)
    assert [test.name for test in faces.tests] == ["common"] and len(faces.target) == 2
    assert any("the run held 400 out, here are 2 train" in n for n in faces.notes)
    with pytest.raises(UserError, match="it has 2. Hold fewer out"):
        datasets.prepare(dataclasses.replace(held, to_train=True))
    one = datasets.prepare(dataclasses.replace(spec, validation=1))
    assert [test.name for test in one.tests] == ["common", "validation"]


def test_faces_of_others_are_measured_in_their_own_scheme_alone(tmp_path):
    faces = plan.build(theirs(tmp_path)).faces
    asked = dataclasses.replace(faces, asked=(schemes.get("ibug68"),))
    with pytest.raises(UserError, match="'ibug68'.*labelled in 'ibug68_surface' alone"):
        datasets.prepare(asked)
    asked = dataclasses.replace(faces, asked=(schemes.get("ibug68_surface"),))
    (test, *_) = datasets.prepare(asked).tests
    assert test.name == "synthetic ibug68_surface" and test.alone
    assert list(test.groups) == ["nose tip off by"]


def theirs(data, **changes):
    """A config of synthetic faces alone that trains on Microsoft's."""
    config = synthetic_only.get_config("tiny").unlock()
    config.scheme = config.data.scheme = "ibug68_surface"
    config.data.dir, config.data.test_faces = str(data), 1
    config.data.source = "face_synthetics"
    config.data.face_synthetics = str(DUMMY / "face_synthetics/dummy_data")
    config.data.ibug_300w = str(DUMMY / "ibug_300w/dummy_data")
    for name, value in changes.items():
        config.data[name] = value
    return config


def test_face_synthetics_are_trained_on_in_their_own_scheme(tmp_path):
    experiment = plan.build(theirs(tmp_path))
    told = "Microsoft FaceSynthetics (non-commercial research only)"
    assert experiment.network.trained_on == told
    faces = datasets.prepare(experiment.faces)
    assert (len(faces.source), len(faces.tests[0].canvases)) == (1, 1)
    assert {faces.source.source.names[0], faces.tests[0].canvases.source.names[0]} == {
        "000000",
        "000001",
    }
    assert faces.tests[0].scheme.name == "ibug68_surface"
    assert "FaceSynthetics train: 2 of 100000 faces" in faces.notes
    batch = next(parts.opener(experiment, faces, "source")(0))
    assert batch.points.shape == (16, 68, 2) and batch.image.dtype == np.uint8


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"scheme": "dense243"}, "--config.data.scheme=ibug68_surface; got 'dense243'"),
        ({"face_synthetics": ""}, "wanted source 'face_synthetics' and its folder"),
        ({"source": "rendered"}, "wanted source 'face_synthetics' and its folder"),
        ({"face_synthetics": "nowhere"}, "the makers' zip or its folder"),
        ({"priors": "hats=1"}, "data.priors and data.backgrounds change nothing"),
    ],
)
def test_what_face_synthetics_cannot_give_is_refused(tmp_path, changes, complaint):
    config = theirs(tmp_path, **changes)
    config.scheme = config.data.scheme
    with pytest.raises(UserError, match=complaint):
        plan.build(config)
    assert not list(tmp_path.iterdir())
