"""The crop that a training begins with: all of the face is in it, and in pictures."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from configs import base
from lmkjax.data import crop
from lmkjax.face import drawing
from lmkjax.face.optics import camera
from lmkjax.face.priors import options, sample
from lmkjax.landmarks import points, schemes
from lmkjax.types import faces_of

DENSE = schemes.get("dense1001")
CROP = base.get_config().crop
FRAMING = points.Framing(CROP.margin, CROP.up)


@pytest.fixture(scope="module")
def look():
    """From priors to the points and boxes of 64 faces."""
    own = functools.partial(drawing.geometry, scheme=DENSE, size=128)
    draw = jax.jit(lambda p: jax.lax.map(lambda face: own(face), p))

    def look(priors):
        keys = faces_of(0, np.arange(64, dtype=np.uint32))
        shape = draw(sample.many(keys, priors))
        return np.asarray(shape.points[..., :2]), np.asarray(shape.box)

    return look


def share(faces, framing):
    """Which part of the points lies in the plain crop, for each point."""
    moved = [
        crop.forth(*face, framing=framing, size=1) for face in zip(*faces, strict=True)
    ]
    return np.asarray(points.inside(np.stack(moved), size=1)).mean(0)


def test_a_picture_is_the_canvas_of_a_training():
    assert FRAMING.wider(CROP.canvas) == camera.FRAMING


def test_a_crop_holds_the_whole_face(look):
    """Every region of heads as on photos, and nearly all of those in profile."""
    assert share(look(options.PRIORS), FRAMING).mean() >= 0.995
    faces = look(dataclasses.replace(options.PRIORS, large_poses=0.0))
    held = share(faces, FRAMING)
    assert held.mean() >= 0.995
    for name, members in DENSE.regions.items():
        assert held[members].mean() >= 0.99, name
    # As large, about the box's middle, it does not.
    assert share(faces, points.Framing(CROP.margin)).mean() < 0.98
