"""Light: values by hand, and shadows that fall where they must."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.optics import light

FRONT = jnp.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
HALF = jnp.array([1.0, 1.0])


def lamps(**changed):
    values = {
        "environment": jnp.zeros((9, 3)).at[0].set(jnp.array([0.1, 0.2, 0.3])),
        "directions": jnp.array([[0.0, 0.0, 1.0]]),
        "colours": jnp.array([[1.0, 2.0, 4.0]]),
        "softness": jnp.asarray(0.0),
        "shadow": jnp.ones(()),
        "occlusion": jnp.ones(()),
    }
    return light.Light(**{**values, **changed})


def test_a_lamp_and_an_even_sky_by_hand():
    lit = jax.jit(light.diffuse)(FRONT, HALF * 0.5, HALF, lamps())
    np.testing.assert_allclose(lit, [[0.6, 1.2, 2.3], [0.1, 0.2, 0.3]], rtol=1e-5)


def test_the_sky_brightens_what_looks_up():
    sky = jnp.zeros((9, 3)).at[2].set(1.0)
    given = light.irradiance(jnp.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]), sky)
    np.testing.assert_allclose(given, [[1, 1, 1], [0, 0, 0]])


def test_a_highlight_is_where_the_mirror_points():
    views = jnp.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    normals = jnp.broadcast_to(FRONT[:1], (2, 3))
    shine = light.gloss(normals, views, HALF, lamps(), power=60.0)
    assert shine[0, 0] > 50 * shine[1, 0]


def test_a_plate_shades_what_is_behind_it():
    near = [[-3.0, -3.0, 5.0], [3.0, -3.0, 5.0], [0.0, 4.0, 5.0]]
    points = jnp.array([*near, [0.0, 0.0, -5.0], [9.0, 9.0, -5.0]])
    cast = jax.jit(lambda lamp: light.shadows(points, np.array([[0, 1, 2]]), lamp))
    for depth in (1.0, 0.25):
        share = cast(lamps(shadow=jnp.asarray(depth)))
        np.testing.assert_allclose(share, [1, 1, 1, 1 - depth, 1], atol=1e-6)


def test_a_floor_under_a_roof_sees_less_sky_than_one_in_the_open():
    roof = [[-6.0, 3.0, -6.0], [6.0, 3.0, -6.0], [0.0, 3.0, 8.0]]
    steps = np.linspace(0, 1, 9)
    fine = [
        np.array(roof).T @ [a, b * (1 - a), (1 - b) * (1 - a)]
        for a in steps
        for b in steps
    ]
    vertices = np.array([*fine, [0.0, 0.0, 0.0], [16.0, 0.0, 0.0]])
    grid = np.arange(81).reshape(9, 9)
    a, b, c, d = (
        x.ravel() for x in (grid[:-1, :-1], grid[1:, :-1], grid[:-1, 1:], grid[1:, 1:])
    )
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    up = np.tile([0.0, 1.0, 0.0], (len(vertices), 1))
    sky = light.occlusion(vertices, triangles, up)
    assert sky[-2] < 0.5 < 0.9 < sky[-1]


def test_lamps_without_a_third_coordinate_are_refused():
    with pytest.raises(TypeCheckError):
        light.diffuse(FRONT[:, :2], HALF, HALF, lamps())
