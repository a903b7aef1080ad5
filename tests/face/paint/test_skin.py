"""Paint: tones over the human range, and lips, brows and pupils in their places."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.paint import chart, skin, traits
from lmkjax.face.priors import sample
from lmkjax.face.shape import head as heads

PAINT = jax.jit(skin.paint)


@pytest.fixture(scope="module")
def person():
    zero = jnp.zeros(())
    return jax.jit(sample.sample)(jax.random.key(5)).skin.replace(
        mask=traits.Mask(zero, zero, jnp.zeros(3)),
        beard=traits.Beard(zero, zero, zero, zero),
        lips=traits.Lips(*jnp.array([0.6, 0.1, 0.0])),
    )


def places(*numbers):
    head = heads.load()
    spots = head.neutral[head.ibug68[list(numbers)]]
    return jnp.asarray(np.concatenate([spots, spots[:, :1]], 1))


def test_more_melanin_is_darker_and_more_blood_is_redder():
    tone = jax.jit(skin.pigment)(jnp.array([0.1, 2.3, 0.1]), jnp.array([0.1, 0.1, 0.9]))
    assert tone[1].max() < 0.15 < 0.4 < tone[0].min()
    assert tone[2, 0] / tone[2, 1] > 1.5 * tone[0, 0] / tone[0, 1]


def test_dark_skin_is_brown_and_not_orange():
    # In linear light red is less than twice the green; orange has it more than so.
    tone = skin.pigment(jnp.array([1.0, 1.6, 2.3]), jnp.full(3, 0.25))
    assert ((tone[:, 0] / tone[:, 1] > 1.4) & (tone[:, 0] / tone[:, 1] < 2)).all()
    assert ((tone[:, 0] / tone[:, 2] > 2) & (tone[:, 0] / tone[:, 2] < 3.6)).all()


def test_lips_are_lips_and_the_chin_is_not(person):
    corner_to_chin = places(51, 57, 8, 30)
    inside = corner_to_chin.at[0, 1].add(-0.3).at[1, 1].add(0.3)
    lips = PAINT(inside, person).lips
    assert (lips[:2] > 0.5).all() and (lips[2:] < 0.1).all()


def test_brows_lie_below_the_makers_points(person):
    low = places(24, 19, 27).at[:2, 1].add(-chart.BROW_DROP_CM - 0.1)
    full = traits.Brow(jnp.full(3, 0.1), *jnp.array([1.0, 1.0, 0.0]))
    hairy = person.replace(brow=full)
    brow = PAINT(low, hairy).brow
    assert (brow[:2] > 0.4).all() and brow[2] < 0.1


def test_the_pupil_is_in_front_and_black(person):
    head = heads.load()
    centre = jnp.asarray(head.neutral[head.eye_centres])
    spots = jnp.concatenate([centre + 1.6 * jnp.eye(3)[2][None], centre])
    colour, pupil = skin.eyes(spots, person)
    np.testing.assert_allclose(pupil, [1, 1, 0, 0], atol=1e-5)
    assert colour[:2].max() < 0.02


def test_a_place_without_its_way_round_is_refused(person):
    with pytest.raises(TypeCheckError):
        skin.paint(jnp.zeros((2, 3)), person)
