"""Room in the rasteriser: for every triangle of heads however they turn."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lmkjax.face import composition, drawing
from lmkjax.face.optics import camera, light, raster
from lmkjax.face.paint import hair
from lmkjax.face.priors import options, sample
from lmkjax.face.shape import head as heads
from lmkjax.face.shape import surface
from lmkjax.landmarks import schemes
from lmkjax.studio import gallery

HEAD = heads.load()
SCHEME = schemes.get("ibug68")
PRIORS = dataclasses.replace(options.PRIORS, large_poses=0.5)


@pytest.mark.parametrize("size", [48, 128, 256])
def test_there_is_room_for_every_triangle(size):
    def needed(key):
        face = sample.sample(key, PRIORS)
        close = face.camera.replace(zoom=jnp.array(9.0))  # the camera comes less near
        face = face.replace(camera=close)
        shape = drawing.geometry(face, SCHEME, size=size)
        grown = hair.grow(hair.grid(HEAD), shape.head, face.hair, hat=face.props.hat)
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
                composition.casters(surface.load(HEAD)),
                size=light.MAP_PX,
                keep=jnp.concatenate([own, grown.keep]) > 0,
            ),
        )

    head, hairs, shadow = jax.jit(lambda k: jax.lax.map(needed, k))(
        gallery.keys(11, 0, 48)
    )
    assert 0.5 * composition.tiles(size) < head.max() < composition.tiles(size)
    assert (
        0.2 * composition.hair_tiles(size) < hairs.max() < composition.hair_tiles(size)
    )
    assert 0.4 * light.TILES < shadow.max() < light.TILES


def test_a_finer_head_is_drawn_whole(key):
    """Each triangle cut into four, which cover the same pixels."""
    shape = drawing.geometry(sample.sample(key, PRIORS), SCHEME, size=128)
    triangles, places = shape.surface.triangles, np.asarray(shape.pixels)
    ends = np.sort(np.stack([triangles, np.roll(triangles, -1, 1)], -1).reshape(-1, 2))
    edges, number = np.unique(ends, axis=0, return_inverse=True)
    places = np.concatenate([places, places[edges].mean(1)])
    (a, b, c), (ab, bc, ca) = (
        triangles.T,
        (number.reshape(-1, 3) + shape.pixels.shape[0]).T,
    )
    parts = (a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)
    own = np.concatenate([np.stack(part, 1) for part in parts]).astype(np.int32)
    cut = dataclasses.replace(shape.surface, triangles=own)
    needed = raster.tiles_needed(jnp.asarray(places), own, size=128)
    assert composition.tiles(128) < needed < composition.tiles(128, len(own))
    finer = shape.replace(pixels=jnp.asarray(places), surface=cut)
    found = [composition.see_head(x, size=128).covered for x in (shape, finer)]
    assert (found[0] == found[1]).mean() > 0.999


def test_room_was_measured_on_the_head_that_comes_along():
    assert len(surface.load(HEAD).triangles) == composition.TRIANGLES
    assert composition.tiles(64, 1000) == composition.tiles(64)
