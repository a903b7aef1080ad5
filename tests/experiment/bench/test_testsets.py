"""Test faces in groups: by their parameters, or by their points."""

import types

import jax
import numpy as np
import pytest

from lmkjax.experiment.bench import testsets
from lmkjax.face import labels
from lmkjax.face.priors import sample
from lmkjax.landmarks import schemes


class Canvases:
    """Faces by their records; no picture is read."""

    def __init__(self, records):
        self.source = types.SimpleNamespace(record=records.__getitem__)
        self._count = len(records)

    def __len__(self):
        return self._count


@pytest.fixture(scope="module")
def faces():
    keys = jax.random.split(jax.random.key(0), 40)
    faces = jax.jit(jax.vmap(sample.sample))(keys)
    return faces, np.asarray(jax.vmap(labels.pack)(faces))


def test_rendered_faces_are_grouped_by_the_parameters_that_drew_them(faces):
    params, rows = faces
    drawn = [types.SimpleNamespace(params=row) for row in rows]
    records = [types.SimpleNamespace(drawn=own, points=None) for own in drawn]
    own = testsets.TestSet("synthetic", Canvases(records), schemes.get("dense490"))
    assert list(own.groups) == ["yaw", "skin", "age"]
    for parts in own.groups.values():
        every = np.sort(np.concatenate(list(parts.values())))
        np.testing.assert_array_equal(every, np.arange(40))
    yaw = np.abs(np.rad2deg(params.camera.yaw_rad))
    np.testing.assert_array_equal(
        own.groups["yaw"]["0 to 30"], np.flatnonzero(yaw < 30)
    )
    dark = np.flatnonzero(np.asarray(params.skin.melanin) >= 1)
    np.testing.assert_array_equal(own.groups["skin"]["dark"], dark)
    child = np.flatnonzero(np.asarray(params.youth) > 0)
    assert len(child)
    np.testing.assert_array_equal(own.groups["age"]["child"], child)


def test_photos_are_grouped_by_their_points_if_the_68_are_there():
    points = np.random.default_rng(0).uniform(0, 9, (3, 490, 2))
    records = [types.SimpleNamespace(drawn=None, points=own) for own in points]
    own = testsets.TestSet("common", Canvases(records), schemes.get("dense490"))
    (parts,) = own.groups.values()
    assert list(own.groups) == ["nose tip off by"]
    assert sum(map(len, parts.values())) == 3
    few = schemes.Scheme("few", (("chin", 3),))
    assert testsets.TestSet("common", Canvases(records), few).groups == {}


def test_only_a_single_number_is_read_by_its_name(faces):
    with pytest.raises(KeyError, match="camera.shift"):
        testsets._read(faces[1], "camera.shift")
