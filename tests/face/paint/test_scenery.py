"""Backgrounds differ with their parameters and nothing else."""

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax.face.paint import scenery
from lmkjax.face.priors import sample


def test_a_plain_wall_is_plain():
    scene = jax.jit(sample.sample)(jax.random.key(1)).scene
    shapes = jax.tree.map(jnp.ones_like, scene.shapes)
    plain = jax.tree.map(jnp.zeros_like, scene).replace(
        near_colour=scene.near_colour,
        far_colour=scene.far_colour,
        shapes=shapes.replace(cover=shapes.cover * 0),
        stripes=scenery.Stripes(*jnp.array([0.0, 1.0, 0.0, 1.0])),
    )
    wall = jax.jit(lambda s: scenery.background(s, size=12))(plain)
    np.testing.assert_allclose(
        wall, jnp.broadcast_to(wall[0, 0], wall.shape), rtol=1e-5
    )
    middle = (scene.near_colour + scene.far_colour) / 2
    np.testing.assert_allclose(wall[0, 0], middle, rtol=1e-4)
