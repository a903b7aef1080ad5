"""Renderings: laws that hold between a picture, its points and its parameters."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax import render as command
from lmkjax import schemes
from lmkjax.face import camera, gallery, marks, picture, raster, render, sample, surface
from lmkjax.face import head as heads
from lmkjax.types import UserError

SIZE, COUNT = 48, 4
SCHEME = schemes.get("ibug68")


def draw(first):
    keys = gallery.keys(3, first, COUNT)
    # As the command calls it, so that all tests share what was compiled.
    return render.faces(keys, SCHEME, size=SIZE, priors=sample.PRIORS)


@pytest.fixture(scope="module")
def params():
    return jax.jit(jax.vmap(sample.sample))(gallery.keys(3, 0, COUNT))


@pytest.fixture(scope="module")
def faces():
    return draw(0)


def geometry(params, scheme=SCHEME):
    return jax.tree.map(np.asarray, _geometry(params, scheme))


@functools.partial(jax.jit, static_argnums=1)
def _geometry(params, scheme):
    return jax.lax.map(lambda p: render.geometry(p, scheme, size=SIZE), params)


def mirrored(params):
    """The parameters of the mirrored faces, as far as geometry goes."""
    names = heads.load().expression_names
    swap = {"_L": "_R", "_R": "_L"}
    twin = [n[:-2] + swap[n[-2:]] if n[-2:] in swap else n for n in names]
    twin = [{"jawLeft": "jawRight", "jawRight": "jawLeft"}.get(n, n) for n in twin]
    twin = [
        {"mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}.get(n, n) for n in twin
    ]
    pose = params.camera
    return params.replace(
        sides=-params.sides,
        expression=params.expression[:, np.array([names.index(n) for n in twin])],
        camera=pose.replace(
            yaw_rad=-pose.yaw_rad,
            roll_rad=-pose.roll_rad,
            shift=pose.shift * jnp.array([[-1.0, 1.0]]),
        ),
    )


def test_the_same_key_gives_the_same_picture_alone_and_in_a_batch(faces):
    again = draw(2)
    np.testing.assert_array_equal(again.image[0], faces.image[2])
    np.testing.assert_array_equal(again.points[0], faces.points[2])


def test_a_picture_is_a_picture(faces):
    assert faces.image.min() >= 0 and faces.image.max() <= 1
    assert (faces.image.std((1, 2)) > 0.02).all()
    assert (np.asarray(faces.segmentation == 1).mean((1, 2)) > 0.03).all()
    assert np.isin(faces.visibility, [0, 1, 2, 3]).all()
    background = np.asarray(faces.segmentation) == 0
    np.testing.assert_array_equal(np.isinf(faces.depth), background)


def test_the_margin_times_the_box_is_the_picture(faces, params):
    side = np.maximum(
        faces.box[:, 2] - faces.box[:, 0], faces.box[:, 3] - faces.box[:, 1]
    )
    due = SIZE / camera.MARGIN * np.exp(params.camera.zoom)
    np.testing.assert_allclose(side, due, rtol=1e-4)
    middle = (faces.box[:, :2] + faces.box[:, 2:]) / 2
    np.testing.assert_allclose(
        middle, SIZE * (0.5 + params.camera.shift), rtol=1e-3, atol=1e-2
    )


def test_mirrored_parameters_mirror_the_points(params):
    calm = params.replace(expression=params.expression * 0)
    here, there = geometry(calm), geometry(mirrored(calm))
    flipped = there.points[:, SCHEME.mirror] * [-1, 1, 1] + [SIZE, 0, 0]
    # The outline is cut where rays meet a net, and the frame hangs on its box: that
    # moves points by up to 1.5 % of the face, and picks another depth along the jaw.
    np.testing.assert_allclose(flipped[..., :2], here.points[..., :2], atol=0.45)
    np.testing.assert_allclose(flipped[:, 17:, 2], here.points[:, 17:, 2], atol=0.2)


def test_landmarks_lie_on_the_surface(params, faces):
    shape = geometry(params)
    seen = np.asarray(faces.visibility[:, 17:]) == marks.VISIBLE
    assert seen.mean() > 0.4
    for i in range(COUNT):
        pixels = jnp.asarray(shape.pixels[i])
        found = raster.rasterise(
            pixels, surface.load().triangles, size=SIZE, tiles=picture.tiles(SIZE)
        )
        depth = raster.look_up(found.depth, jnp.asarray(shape.points[i, 17:, :2]))
        gap = np.abs(np.asarray(depth) - shape.points[i, 17:, 2])
        # A pixel is 0.6 cm here, and a nose falls off steeply.
        assert np.median(gap[seen[i]]) < 0.3


def test_what_hides_a_landmark():
    head = jnp.full((6, 8), 50.0)
    thing = jnp.full((6, 8), jnp.inf).at[2, 3].set(40.0)
    points = jnp.array([[1.5, 1.5, 50.1], [1.5, 1.5, 53], [3.5, 2.5, 50], [9, 2, 50]])
    np.testing.assert_array_equal(marks.seen(points, head, thing), [0, 1, 2, 3])


@pytest.mark.parametrize("name", ["dense1001", "ibug68_surface"])
def test_every_scheme_has_its_points_in_the_picture(name, params):
    scheme = schemes.get(name)
    points = geometry(params, scheme).points
    assert points.shape == (COUNT, scheme.count, 3)
    assert np.isfinite(points).all()
    middle = points[..., :2].mean(1)
    assert (np.abs(middle - SIZE / 2) < SIZE / 4).all()


def test_the_command_writes_all_that_it_says(tmp_path):
    out = tmp_path / "faces"
    flags = ["--count", str(COUNT), "--size", str(SIZE), "--seed", "3", "--sheet"]
    assert command.main([*flags, "--out", str(out)]) == 0
    names = sorted(f.name for f in out.iterdir())
    assert names == [f"{i:06d}.png" for i in range(COUNT)] + [
        "points.json",
        "sheet.png",
    ]
    labels = json.loads((out / "points.json").read_text())
    assert len(labels["faces"]["000003.png"]["points"]) == SCHEME.count


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--count", "0"], "at least 1"),
        (["--scheme", "nobody"], "Unknown scheme"),
        (["--size", "3"], "size"),
        (["--looks", "odd"], "looks"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_left(flags, word, tmp_path):
    with pytest.raises(UserError, match=word):
        command.main([*flags, "--out", str(tmp_path / "faces")])
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "faces").write_text("")
    with pytest.raises(UserError, match="Cannot write"):
        command.main(["--out", str(tmp_path / "faces")])
