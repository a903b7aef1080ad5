"""Turns, projection and framing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.optics import camera


def pose(**values):
    zero = {n: jnp.zeros(()) for n in ("yaw_rad", "pitch_rad", "roll_rad", "zoom")}
    rest = {"distance_cm": jnp.asarray(100.0), "shift": jnp.zeros(2)}
    values = {name: jnp.asarray(value) for name, value in values.items()}
    return camera.Camera(**{**zero, **rest, **values})


@pytest.mark.parametrize(
    ("turn", "nose"),
    [
        ({"yaw_rad": 0.5}, (np.sin(0.5), 0, np.cos(0.5))),  # to the picture's right
        ({"pitch_rad": 0.5}, (0, -np.sin(0.5), np.cos(0.5))),  # down
        ({"roll_rad": 0.5}, (0, 0, 1)),
    ],
)
def test_where_the_nose_points(turn, nose):
    matrix = jax.jit(camera.rotation)(pose(**turn))
    np.testing.assert_allclose(matrix @ jnp.eye(3)[2], nose, atol=1e-6)


def test_roll_tilts_the_crown_to_the_right():
    crown = camera.rotation(pose(roll_rad=0.5)) @ jnp.eye(3)[1]
    assert crown[0] > 0.4


def test_a_point_half_as_far_is_twice_as_big():
    points = jnp.array([[3.0, 4.0, 0.0], [3.0, 4.0, 50.0]])
    flat = camera.project(points, pose())
    np.testing.assert_allclose(flat, [[0.03, -0.04, 100], [0.06, -0.08, 50]], rtol=1e-6)


def test_a_picture_lies_around_the_box_as_its_framing_says():
    face = jnp.array([[0.1, 0.2], [0.5, 0.4], [0.2, 0.3]])
    view = camera.frame(face, pose(), size=60)
    points = camera.to_pixels(face, view)
    side, middle = 60 / camera.FRAMING.margin, 30 + 60 * camera.FRAMING.up
    np.testing.assert_allclose(points[:, 0].min(), 30 - side / 2, rtol=1e-5)
    np.testing.assert_allclose(points[:, 0].max(), 30 + side / 2, rtol=1e-5)
    np.testing.assert_allclose(
        points[:, 1].min() + points[:, 1].max(), 2 * middle, rtol=1e-5
    )


def test_a_ray_meets_the_point_seen_in_its_pixel():
    view = camera.Frame(jnp.asarray(40.0), jnp.array([3.0, 5.0]))
    ray = camera.rays(view, size=16)[4, 7]
    seen = camera.to_pixels(jnp.array([[ray[0], -ray[1]]]), view)
    np.testing.assert_allclose(seen[0], [7.5, 4.5], rtol=1e-5)


def test_flat_points_are_refused():
    with pytest.raises(TypeCheckError):
        camera.project(jnp.zeros((4, 2)), pose())
