"""Colour and noise: nothing where nothing is asked, values by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.data import photometric

ADJUST = jax.jit(photometric.adjust)
NOTHING = {
    "brightness": jnp.float32(0),
    "contrast": jnp.float32(1),
    "saturation": jnp.float32(1),
    "hue_turns": jnp.float32(0),
    "gamma": jnp.float32(1),
    "tint": jnp.ones(3),
}


@pytest.fixture
def image(batch):
    return batch.image[0].astype(jnp.float32) / 255


def test_adjusting_by_nothing_is_nothing(image):
    same = ADJUST(image, **NOTHING)
    np.testing.assert_allclose(same, image, atol=2e-3)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"brightness": 0.1}, [0.3, 0.5, 0.7]),
        ({"gamma": 2.0}, [0.04, 0.16, 0.36]),
        ({"tint": [0.5, 1.0, 1.0]}, [0.1, 0.4, 0.6]),
        # Grey is the brightness that the eye sees: 0.299 r + 0.587 g + 0.114 b.
        ({"saturation": 0.0}, [0.363, 0.363, 0.363]),
    ],
)
def test_one_colour_by_hand(change, expected):
    plain = jnp.broadcast_to(jnp.array([0.2, 0.4, 0.6]), (8, 8, 3))
    change = {name: jnp.float32(value) for name, value in change.items()}
    changed = ADJUST(plain, **NOTHING | change)
    np.testing.assert_allclose(changed[3, 5], expected, atol=1e-3)


def test_contrast_stretches_about_the_mean():
    image = jnp.full((4, 4, 3), 0.4).at[:2].set(0.6)
    changed = ADJUST(image, **NOTHING | {"contrast": jnp.float32(1.5)})
    np.testing.assert_allclose(changed[0, 0], 0.65, atol=1e-3)
    np.testing.assert_allclose(changed[3, 0], 0.35, atol=1e-3)


def test_turning_hues_once_around_is_nothing(image):
    around = ADJUST(image, **NOTHING | {"hue_turns": jnp.float32(1)})
    np.testing.assert_allclose(around, image, atol=2e-3)


def test_noise_has_no_drift_and_the_spread_asked_for(key):
    grey = jnp.full((32, 32, 3), 0.5)

    @jax.jit
    @jax.vmap
    def noise(key):
        return photometric.random_noise(key, grey, strength=2.0) - grey

    drawn = np.asarray(noise(jax.random.split(key, 500)))
    spread = drawn.std((1, 2, 3))
    # The mean of a half normal of standard deviation 2 x 0.03.
    np.testing.assert_allclose(spread.mean(), 0.06 * (2 / np.pi) ** 0.5, rtol=0.1)
    assert abs(drawn.mean()) < 0.02 * spread.mean()


def test_pictures_are_spoilt_with_the_chance_given_in_four_ways(image, key):
    keys, share = jax.random.split(key, 64), {}
    for chance in (0.0, 0.5, 1.0):
        spoil = functools.partial(photometric.random_spoil, chance=chance)
        found = jax.jit(jax.vmap(spoil, (0, None)))(keys, image)
        apart = np.abs(np.asarray(found) - np.asarray(image)).max((1, 2, 3))
        share[chance] = (apart > 1e-3).mean()
    # A blur of a fifth of a pixel, the least there is, shows nowhere.
    assert share[0.0] == 0 and abs(share[0.5] - 0.5) < 0.2 and share[1.0] > 0.85
    # Two factors of coarseness leave a picture each; blur and levels are all others.
    spreads = np.asarray(found).std((1, 2, 3)).round(5)
    kinds = np.unique(spreads, return_counts=True)[1]
    assert (kinds > 5).sum() == 2 and len(kinds) > 15


def test_no_strength_is_nothing(batch, key):
    image = batch.image.astype(jnp.float32) / 255
    same = photometric.augment(key, image, colour=0.0, blur_chance=0.0)
    np.testing.assert_array_equal(same, image)


def test_every_picture_is_changed_in_its_own_way_and_stays_in_range(batch, key):
    image = jnp.stack([batch.image[0].astype(jnp.float32) / 255] * 5)
    out = photometric.augment(key, image, colour=1.0, blur_chance=1.0)
    assert out.shape == image.shape and 0 <= out.min() and out.max() <= 1
    assert len(np.unique(np.asarray(out.mean((1, 2, 3))))) == 5
    again = photometric.augment(key, image, colour=1.0, blur_chance=1.0)
    np.testing.assert_array_equal(out, again)


def test_a_batch_for_a_picture_is_refused(batch):
    with pytest.raises(TypeCheckError):
        photometric.random_noise(jax.random.key(0), batch.image / 255, strength=1.0)


def test_a_restyled_picture_has_the_colours_wanted_and_its_own_shapes(batch, key):
    image = batch.image[0] / 255 * 0.4 + 0.3  # so that nothing is cut off
    wanted = jnp.array([[0.4, 0.5, 0.55], [0.1, 0.05, 0.12]])
    found = photometric.restyle(image, wanted, jnp.float32(1.0))
    np.testing.assert_allclose(photometric.style(found), wanted, atol=1e-5)
    np.testing.assert_allclose(
        np.corrcoef(found[..., 1].ravel(), image[..., 1].ravel())[0, 1], 1, atol=1e-5
    )
    half = photometric.style(photometric.restyle(image, wanted, jnp.float32(0.5)))
    np.testing.assert_allclose(half, (photometric.style(image) + wanted) / 2, atol=1e-5)
    flat = photometric.restyle(jnp.full((4, 5, 3), 0.5), wanted, jnp.float32(1.0))
    np.testing.assert_allclose(flat, jnp.broadcast_to(wanted[0], (4, 5, 3)), atol=1e-5)


def test_pictures_are_restyled_with_the_chance_given(batch, key):
    image = batch.image / 255 * 0.4 + 0.3
    image = jnp.concatenate([image] * 50)
    styles = jnp.array([[[0.4, 0.5, 0.55], [0.1, 0.05, 0.12]], [[0.5] * 3, [0.1] * 3]])
    draw = jax.jit(photometric.random_restyle, static_argnames="chance")
    share = {}
    for chance in (0.0, 0.5, 1.0):
        found = draw(key, image, styles, chance=chance)
        share[chance] = float((jnp.abs(found - image).max((1, 2, 3)) > 1e-3).mean())
    assert share[0.0] == 0 and abs(share[0.5] - 0.5) < 0.1 and share[1.0] > 0.95
