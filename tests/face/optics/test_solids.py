"""Where rays meet balls and capsules."""

import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.optics import solids

RAYS = jnp.stack(
    [*jnp.meshgrid(jnp.linspace(-0.2, 0.2, 7), jnp.linspace(0.2, -0.2, 5))], -1
)
RAYS = jnp.concatenate([RAYS, -jnp.ones((5, 7, 1))], -1)
EYE = jnp.array([0.0, 0.0, 50.0])


def test_a_ray_through_the_middle_meets_a_ball_at_its_front():
    ball = solids.spheroid(EYE, RAYS, jnp.zeros(3), jnp.array([4.0, 5.0, 6.0]))
    np.testing.assert_allclose(ball.depth[2, 3], 44.0, rtol=1e-5)
    np.testing.assert_allclose(ball.normal[2, 3], [0, 0, 1], atol=1e-5)
    assert ball.depth[0, 0] == solids.FAR


def test_a_capsule_is_met_on_its_barrel_and_its_ends():
    start = jnp.array([-5.0, 0, 0])
    hit = solids.capsule(EYE, RAYS, start, jnp.zeros(3), jnp.asarray(2.0))
    np.testing.assert_allclose(hit.depth[2, 3], 48.0, rtol=1e-5)
    place = EYE[None, None] + RAYS * hit.depth[..., None]
    foot = jnp.clip(place[..., 0], -5, 0)
    gap = jnp.hypot(jnp.hypot(place[..., 0] - foot, place[..., 1]), place[..., 2])
    met = np.asarray(hit.depth < solids.FAR)
    assert met.sum() > 2
    np.testing.assert_allclose(gap[met], 2.0, rtol=1e-3)


def test_rays_without_depth_are_refused():
    with pytest.raises(TypeCheckError):
        solids.spheroid(EYE, RAYS[..., :2], jnp.zeros(3), jnp.ones(3))
