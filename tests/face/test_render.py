"""Renderings: laws that hold between a picture, its points and its parameters."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax import render as command
from lmkjax import schemes
from lmkjax.face import gallery, picture, render
from lmkjax.face.optics import camera, light, raster
from lmkjax.face.paint import hair
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import marks, surface
from lmkjax.types import UserError

HEAD = heads.load()
SIZE, COUNT = 48, 4
SCHEME = schemes.get("ibug68")
SHOWN = [picture.CLASSES.index(c) for c in ("skin", "brows", "eyes", "lips", "mouth")]


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
    """The parameters of the same faces in a mirror, but for what noise breaks up."""
    swap = jax.vmap(HEAD.mirrored)
    identity, expression = swap(params.identity, params.expression)
    pose, lamps = params.camera, params.light
    across = jnp.array([-1.0, 1.0, 1.0])
    odd = jnp.array([1.0, -1, 1, 1, -1, 1, 1, -1, 1])  # of light.irradiance's basis
    return params.replace(
        sides=-params.sides,
        identity=identity,
        expression=expression,
        camera=pose.replace(
            yaw_rad=-pose.yaw_rad,
            roll_rad=-pose.roll_rad,
            shift=pose.shift * across[None, :2],
        ),
        light=lamps.replace(
            directions=lamps.directions * across[None, None],
            environment=lamps.environment * odd[None, :, None],
        ),
    )


def bare(params):
    """The same heads without hair, props, spots and grain."""
    worn, taken = params.props, params.sensor
    return params.replace(
        hair=params.hair.replace(cover=params.hair.cover * 0),
        skin=params.skin.replace(
            mottle=params.skin.mottle * 0, beard=params.skin.beard * 0
        ),
        props=worn.replace(
            hat=worn.hat * 0,
            glasses=worn.glasses * 0,
            limbs=worn.limbs * 0,
            card=worn.card * 0,
        ),
        sensor=taken.replace(
            noise=taken.noise * 0,
            motion=taken.motion * 0,
            coarse=taken.coarse * 0 + 1,
            jpeg=taken.jpeg * 0,
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
    here, there = geometry(params), geometry(mirrored(params))
    flipped = there.points[:, SCHEME.mirror] * [-1, 1, 1] + [SIZE, 0, 0]
    np.testing.assert_allclose(flipped, here.points, atol=0.01)


def test_mirrored_parameters_mirror_the_picture(params):
    plain = bare(params)
    here = render.draw(plain, SCHEME, size=SIZE)
    there = render.draw(mirrored(plain), SCHEME, size=SIZE)
    there = jax.tree.map(lambda x: x[:, :, ::-1], (there.segmentation, there.image))
    head = np.isin(here.segmentation, SHOWN) & np.isin(there[0], SHOWN)
    assert head.sum() > 0.95 * np.isin(here.segmentation, SHOWN).sum()
    assert np.mean((there[0] == here.segmentation)[head]) > 0.99
    # What is left: the brows' strands, which noise draws.
    gap = np.abs(there[1] - here.image).mean(-1)[head].mean()
    lopsided = np.abs(here.image[:, :, ::-1] - here.image).mean(-1)[head].mean()
    assert gap < 0.01 < 0.1 < lopsided


def surface_below(shape, i, spot):
    """Depths at which a ray through the picture at `spot` pierces head i, cm."""
    corner = shape.pixels[i].astype(np.float64)[surface.load(HEAD).triangles]
    (x0, y0), (x1, y1), (x2, y2) = (
        corner[:, j, :2].T - spot[:, None] for j in range(3)
    )
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    area = np.where(np.abs(area) < 1e-12, np.nan, area)
    weights = np.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], 1)
    weights /= area[:, None]
    hit = (weights > -1e-3).all(1)
    return 1 / (weights[hit] / corner[hit, :, 2]).sum(1)


def test_landmarks_lie_on_the_surface(params):
    shape = geometry(params)
    gaps = [
        np.abs(surface_below(shape, i, point[:2]) - point[2]).min(initial=np.inf)
        for i in range(COUNT)
        for point in shape.points[i]
    ]
    inner = np.reshape(gaps, (COUNT, -1))[:, 17:]
    assert inner.max() < 1e-3
    # The outline's are on a net over the skin, where it turns away from the eye.
    assert np.median(np.reshape(gaps, (COUNT, -1))[:, :17]) < 0.05


@functools.partial(jax.jit, static_argnames="size")
def seen(params, *, size):
    """The heads' geometry, and what their own depth hides of them."""

    def one(face):
        shape = render.geometry(face, SCHEME, size=size)
        depth = picture.see_head(shape, size=size).depth
        return shape, marks.seen(shape.points, depth, jnp.full_like(depth, jnp.inf))

    return jax.lax.map(one, params)


@pytest.mark.parametrize("yaw_deg", [-70.0, -35.0, 35.0])
def test_visibility_agrees_with_a_ray(yaw_deg, params):
    turn = jnp.full(COUNT, np.deg2rad(yaw_deg))
    turned = params.replace(camera=params.camera.replace(yaw_rad=turn))
    shape, states = jax.tree.map(np.asarray, seen(turned, size=192))
    # Pixels up to 1.2 from the point are asked: where they agree is one answer.
    taps = [np.array([x, y]) for x in (-1.2, 0, 1.2) for y in (-1.2, 0, 1.2)]
    hidden = []
    for i in range(COUNT):
        for point, state in zip(shape.points[i, 17:], states[i, 17:], strict=True):
            nearest = [surface_below(shape, i, point[:2] + t) for t in taps]
            behind = {point[2] > d.min(initial=np.inf) + 0.5 for d in nearest}
            if len(behind) == 1:
                assert state == (marks.BEHIND_HEAD if behind.pop() else marks.VISIBLE)
                hidden.append(state)
    assert len(hidden) > 0.5 * COUNT * 51
    assert 3 <= sum(hidden) < 0.9 * len(hidden)


@pytest.mark.parametrize("size", [48, 128, 256])
def test_there_is_room_for_every_triangle(size):
    def needed(key):
        face = sample.sample(key)
        shape = render.geometry(face, SCHEME, size=size)
        grown = hair.grow(
            hair.grid(HEAD), shape.head, face.hair, hat=face.props.hat[:3]
        )
        nodes = (grown.places - jnp.array(surface.PIVOT)[None]) @ shape.turn.T
        pixels = camera.project(nodes, face.camera)
        pixels = camera.to_pixels(pixels, shape.view)
        own = jnp.ones(len(surface.load(HEAD).triangles))
        lit = light.lamp_view(
            jnp.concatenate([shape.places, nodes]), face.light.directions[0]
        )
        count = raster.tiles_needed
        return (
            count(shape.pixels, surface.load(HEAD).triangles, size=size),
            count(
                pixels,
                hair.grid(HEAD).triangles,
                size=size,
                cull=False,
                keep=grown.keep > 0,
            ),
            count(
                lit,
                picture.casters(surface.load(HEAD)),
                size=light.MAP_PX,
                keep=jnp.concatenate([own, grown.keep]) > 0,
            ),
        )

    head, hairs, shadow = jax.jit(lambda k: jax.lax.map(needed, k))(
        gallery.keys(11, 0, 48)
    )
    assert 0.5 * picture.tiles(size) < head.max() < picture.tiles(size)
    assert 0.2 * picture.hair_tiles(size) < hairs.max() < picture.hair_tiles(size)
    assert 0.4 * light.TILES < shadow.max() < light.TILES


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
