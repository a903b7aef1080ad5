"""The mean face: its law, its mask, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.evaluation import mean_face
from lmkjax.types import Batch


def batch_of(shape, box, mask):
    box = jnp.asarray(box, jnp.float32)
    return Batch(
        image=np.zeros((len(box), 4, 3, 3), np.uint8),
        points=mean_face.place(jnp.asarray(shape), box),
        visible=np.ones((len(box), len(shape)), bool),
        box=box,
        mask=np.asarray(mask),
    )


SHAPE = np.random.default_rng(0).uniform(0, 1, (5, 2)).astype(np.float32)
BOXES = [[0, 0, 4, 8], [3, 5, 13, 9], [-7, 2, 1, 3]]


def test_faces_of_one_shape_have_it_as_their_mean_wherever_they_lie():
    batches = [batch_of(SHAPE, BOXES, [1, 1, 1]), batch_of(SHAPE, BOXES[:2], [1, 1])]
    np.testing.assert_allclose(mean_face.fit(batches), SHAPE, atol=1e-5)


def test_the_mean_is_over_faces_and_leaves_out_what_fills_a_batch():
    batches = [
        batch_of(SHAPE, BOXES, [True, True, False]),
        batch_of(SHAPE + 3, BOXES[:2], [True, False]),
        batch_of(SHAPE + 9, [[1, 1, 1, 1]], [True]),  # a box without size
    ]
    np.testing.assert_allclose(mean_face.fit(batches), SHAPE + 1, atol=1e-5)


def test_members_are_picked_in_their_order():
    batches = [batch_of(SHAPE, BOXES, [True] * 3)]
    mean = mean_face.fit(batches, members=np.array([3, 1]))
    np.testing.assert_allclose(mean, SHAPE[[3, 1]], atol=1e-5)


def test_place_puts_corners_on_corners():
    corners = jnp.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.25]])
    placed = jax.jit(mean_face.place)(
        corners, jnp.array([[10.0, 20.0, 30.0, 60.0]] * 2)
    )
    expected = [[10, 20], [30, 60], [20, 30]]
    np.testing.assert_allclose(placed, [expected, expected], rtol=1e-6)


def test_no_face_no_mean():
    with pytest.raises(ValueError, match="there were none"):
        mean_face.fit([batch_of(SHAPE, BOXES, [False] * 3)])
