"""Wrong boxes: their size, their place, and what stays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.evaluation import boxes
from lmkjax.types import Batch

BOX = jnp.array([[10.0, 20.0, 30.0, 60.0], [0.0, 0.0, 8.0, 4.0]])


def batch_of(faces):
    return Batch(
        image=np.zeros((faces, 6, 5, 3), np.uint8),
        points=np.ones((faces, 4, 2), np.float32),
        visibility=np.zeros((faces, 4), np.int8),
        box=np.tile(np.asarray(BOX[:1]), (faces, 1)),
        mask=np.ones(faces, bool),
    )


def test_a_box_grows_around_its_centre():
    wrong = jax.jit(lambda b, a: boxes.perturb(b, a, scale=1.5))(BOX, jnp.zeros(2))
    np.testing.assert_allclose(wrong, [[5, 10, 35, 70], [-2, -1, 10, 5]], rtol=1e-6)


def test_a_box_moves_by_a_share_of_its_longer_side():
    angle_rad = jnp.array([0.0, np.pi / 2])
    wrong = boxes.perturb(BOX, angle_rad, shift=0.25)
    np.testing.assert_allclose(
        wrong, [[20, 20, 40, 60], [0, 2, 8, 6]], rtol=1e-6, atol=1e-6
    )


def cut(batch, box):
    return batch.replace(box=box)


@pytest.mark.parametrize("kind", boxes.PERTURBED, ids=lambda kind: kind.name)
def test_a_face_has_the_same_wrong_box_however_faces_are_batched(kind):
    whole = list(boxes.perturbed([batch_of(5)], kind, cut))
    parts = list(boxes.perturbed([batch_of(2), batch_of(3)], kind, cut))
    both = np.concatenate([np.asarray(part.box) for part in parts])
    np.testing.assert_allclose(whole[0].box, both, rtol=1e-6)
    assert not np.allclose(both, BOX[0])


def test_the_name_says_what_is_wrong():
    assert boxes.PERTURBED[0].of("common") == "common, boxes 15 % too big"
    assert boxes.Boxes().of("common") == "common"
