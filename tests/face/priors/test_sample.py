"""Draws: the same key gives the same face, and faces are spread as the priors say."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.priors import options, sample


@pytest.fixture(scope="module")
def crowd():
    return sample.many(jax.random.split(jax.random.key(2), 600))


def test_the_same_key_gives_the_same_face(crowd):
    keys = jax.random.split(jax.random.key(2), 600)
    again = jax.jit(sample.sample)(keys[7])
    for one, many in zip(jax.tree.leaves(again), jax.tree.leaves(crowd), strict=True):
        np.testing.assert_allclose(one, many[7], rtol=1e-5, atol=1e-6)


def test_every_number_is_one(crowd):
    for leaf in jax.tree.leaves(crowd):
        assert np.isfinite(leaf).all()


def test_most_faces_look_ahead_and_some_do_not():
    """As on photos, without the share of heads that are turned anyhow."""
    calm = dataclasses.replace(options.PRIORS, large_poses=0.0)
    crowd = sample.many(jax.random.split(jax.random.key(2), 600), calm)
    yaw = np.rad2deg(crowd.camera.yaw_rad)
    assert 14 < yaw.std() < 21
    assert abs(yaw.mean()) < 3
    # Photos: a nose more than 0.4 ocular distances aside, about 21 degrees, in 22 %.
    assert 0.12 < (np.abs(yaw) > 21).mean() < 0.28


def test_expressions_stay_within_their_range(crowd):
    assert crowd.expression.min() >= 0 and crowd.expression.max() <= 1
    assert 0.02 < (crowd.expression.max(1) > 0.7).mean() < 0.9


def test_the_stand_in_has_less_colour():
    keys = jax.random.split(jax.random.key(4), 600)
    other, photo = (
        sample.many(keys, priors).sensor
        for priors in (options.STAND_IN, options.PRIORS)
    )
    assert (other.saturation == 0).mean() > (photo.saturation == 0).mean() + 0.05
    assert jnp.median(other.shot_noise) > 1.5 * jnp.median(photo.shot_noise)


def test_a_number_is_no_key():
    with pytest.raises(TypeCheckError):
        sample.sample(7)


VECTORS = {  # every number has a name of its own, but these, which are of one kind
    "identity": "modes",
    "expression": "expressions",
    "camera.shift": "x, y",
    "light.environment": "harmonics, RGB",
    "light.directions": "lamps, x y z",
    "light.colours": "lamps, RGB",
    "skin.moles.place": "moles, x y",
    "skin.moles.radius_cm": "moles",
    "scene.slope": "x, y",
    "scene.shapes.place": "shapes, x y",
    "props.limbs.start": "limbs, x y z",
    "props.limbs.end": "limbs, x y z",
    "props.limbs.radius_cm": "limbs",
    "props.card.centre": "x, y, z",
    "backdrop.place": "x, y",
    "sensor.blur": "x, y",
    "sensor.motion": "x, y",
}
COLOURS = ("colour", "tint", "iris", "cast")


def test_no_number_of_a_face_is_known_by_its_place_alone():
    face = jax.eval_shape(sample.sample, jax.random.key(0))
    flat, _ = jax.tree.flatten_with_path(face)
    count = 0
    for path, leaf in flat:
        name = ".".join(step.name for step in path)
        count += leaf.size
        if name.endswith(COLOURS):
            assert leaf.shape[-1] == 3, name
        elif name.startswith("scene.shapes."):
            assert len(leaf.shape) == 1 + (name in VECTORS), name
        elif name.endswith(".offset"):  # x and y in the noise
            assert leaf.shape == (2,), name
        else:
            assert (leaf.shape == ()) == (name not in VECTORS), name
    assert count == 567
