"""The mean face: its law, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.evaluation import mean_face

SHAPE = np.random.default_rng(0).uniform(0, 1, (5, 2)).astype(np.float32)
BOXES = np.float32([[0, 0, 4, 8], [3, 5, 13, 9], [-7, 2, 1, 3]])


def faces(shape, boxes=BOXES):
    boxes = np.asarray(boxes, np.float32)
    placed = mean_face.place(jnp.asarray(shape), jnp.asarray(boxes))
    return list(zip(np.asarray(placed), boxes, strict=True))


def test_faces_of_one_shape_have_it_as_their_mean_wherever_they_lie():
    np.testing.assert_allclose(mean_face.fit(faces(SHAPE)), SHAPE, atol=1e-5)


def test_the_mean_is_over_faces_and_leaves_out_a_box_without_size():
    some = faces(SHAPE, BOXES[:2]) + faces(SHAPE + 3, BOXES[:1])
    some += faces(SHAPE + 9, [[1, 1, 1, 1]])
    np.testing.assert_allclose(mean_face.fit(some), SHAPE + 1, atol=1e-5)


def test_place_puts_corners_on_corners():
    corners = jnp.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.25]])
    placed = jax.jit(mean_face.place)(
        corners, jnp.array([[10.0, 20.0, 30.0, 60.0]] * 2)
    )
    expected = [[10, 20], [30, 60], [20, 30]]
    np.testing.assert_allclose(placed, [expected, expected], rtol=1e-6)


def test_no_face_no_mean():
    with pytest.raises(ValueError, match="there were none"):
        mean_face.fit([])
