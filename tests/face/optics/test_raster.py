"""The rasteriser against one that asks every pixel, and against rays."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.optics import raster
from lmkjax.face.shape import head as heads

SIZE, TILES = 24, 400
TRIANGLES = np.array([[0, 2, 1], [3, 5, 4], [6, 7, 8], [1, 2, 9], [4, 8, 0]], np.int32)
POINTS = np.random.default_rng(3).uniform([-4, -4, 20], [28, 28, 60], (10, 3))


def brute_force(points, triangles, size, cull):
    """Number and depth of the nearest triangle, one pixel after another."""
    number, depth = np.full((size, size), -1), np.full((size, size), np.inf)
    for t, (a, b, c) in enumerate(points[triangles]):
        edges = np.array([b - a, c - a])[:, :2]
        area = edges[1, 0] * edges[0, 1] - edges[0, 0] * edges[1, 1]
        if (cull and area <= 0) or area == 0:
            continue
        for row in range(size):
            for column in range(size):
                share = np.linalg.solve(
                    edges.T, np.array([column + 0.5, row + 0.5]) - a[:2]
                )
                share = np.array([1 - share.sum(), *share])
                here = 1 / (share / np.array([a[2], b[2], c[2]])).sum()
                if (share >= 0).all() and here < depth[row, column]:
                    number[row, column], depth[row, column] = t, here
    return number, depth


@functools.partial(jax.jit, static_argnames="cull")
def draw(points, keep, *, cull=False):
    return raster.rasterise(
        points, TRIANGLES, size=SIZE, tiles=TILES, cull=cull, keep=keep
    )


PLACES = jnp.asarray(POINTS, jnp.float32)
ALL = jnp.ones(len(TRIANGLES), bool)


@pytest.mark.parametrize("cull", [True, False])
def test_it_finds_what_brute_force_finds(cull):
    found = draw(PLACES, ALL, cull=cull)
    number, depth = brute_force(POINTS, TRIANGLES, SIZE, cull)
    assert (number >= 0).sum() > 60
    np.testing.assert_array_equal(found.covered, number >= 0)
    np.testing.assert_array_equal(np.where(found.covered, found.triangle, -1), number)
    np.testing.assert_allclose(found.depth, depth, rtol=1e-4)


@pytest.mark.parametrize("count", [4, 40, 400])
def test_the_nearest_of_all_is_seen_however_few_triangles_there_are(count):
    """Two squares, the nearer one first; of the others no pixel shows any."""
    square = np.array([[0, 0], [0, 8], [8, 8], [8, 0]])
    places = [np.insert(square, 2, depth, axis=1) for depth in (10, 20)]
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    more = np.zeros((count - 4, 3), int)
    found = raster.rasterise(
        jnp.float32(np.concatenate(places)),
        np.concatenate([triangles, more]),
        size=8,
        tiles=32,
        cull=False,
    )
    np.testing.assert_allclose(found.depth, np.full((8, 8), 10.0), rtol=1e-6)


def test_each_pixel_looks_its_triangle_up_once():
    """Read off the program: of its look-ups, one has a row for each pixel."""
    text = jax.jit(draw).lower(PLACES, ALL).as_text()
    looks = re.findall(r"stablehlo.gather.*-> tensor<([\dx]+)xf32>", text)
    pixels = [shape for shape in looks if shape.startswith(f"{SIZE}x{SIZE}")]
    assert pixels == [f"{SIZE}x{SIZE}x12"]  # four numbers of three corners


def test_a_triangle_left_out_is_not_there():
    found = draw(PLACES, ALL.at[1].set(False))
    assert not (np.asarray(found.triangle)[np.asarray(found.covered)] == 1).any()


def test_what_vertices_carry_is_interpolated_as_in_space():
    found = draw(PLACES, ALL)
    depth = raster.interpolate(PLACES[:, 2:], TRIANGLES, found)[..., 0]
    inside = np.asarray(found.covered)
    np.testing.assert_allclose(depth[inside], found.depth[inside], rtol=1e-4)


def test_normals_of_a_flat_square_face_the_viewer():
    square = jnp.array([[0.0, 0, 0], [2, 0, 0], [2, 3, 0], [0, 3, 0]])
    normals = raster.normals(square, np.array([[0, 1, 2], [0, 2, 3]]))
    np.testing.assert_allclose(normals, jnp.tile(jnp.eye(3)[2], (4, 1)), atol=1e-6)


@pytest.mark.parametrize("kind", [jnp.asarray, np.asarray])
def test_normals_of_a_roof_by_hand(kind):
    corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [5, 5, 5]]
    corners = kind(np.array(corners, np.float32))
    found = raster.normals(corners, np.array([[0, 1, 2], [0, 3, 1]]))
    half = 0.5**0.5
    expected = [[0, half, half], [0, half, half], [0, 0, 1], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert isinstance(found, type(corners))


def test_normals_of_the_head_look_outward():
    head = heads.load()
    found = raster.normals(head.neutral, head.triangles)
    assert found[head.ibug68[30], 2] > 0.5 and found[head.ibug68[8], 2] > 0.3


def test_normals_refuse_squares():
    with pytest.raises(ValueError, match="triangles"):
        raster.normals(jnp.zeros((5, 3)), np.zeros((2, 4), int))


def test_points_without_depth_are_refused():
    with pytest.raises(TypeCheckError):
        raster.rasterise(jnp.zeros((5, 2)), TRIANGLES[:1], size=8, tiles=9)
