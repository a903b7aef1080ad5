"""What a camera loses: values by hand, and pictures of which one knows what is left."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.face.optics import sensor

DEVELOP = jax.jit(sensor.develop)
SIZE = 32


def camera(**changed):
    """One that loses as little as it can."""
    zero, two = jnp.zeros(()), jnp.zeros(2)
    values = {
        "exposure": jnp.ones(()),
        "blur": two,
        "motion": two,
        "shot_noise": zero,
        "colour_noise": zero,
        "contrast": jnp.ones(()),
        "cast": jnp.ones(3),
        "saturation": jnp.ones(()),
        "sepia": zero,
        "black": zero,
        "coarse": jnp.ones(()),
        "jpeg": zero,
        "offset": two,
    }
    changed = {name: jnp.asarray(value, float) for name, value in changed.items()}
    return sensor.Sensor(**{**values, **changed})


@pytest.fixture
def light(key):
    return jax.random.uniform(key, (SIZE, SIZE, 3))


def test_one_colour_by_hand():
    plain = jnp.broadcast_to(jnp.array([0.5, 0.5, 0.5]), (SIZE, SIZE, 3))
    seen = DEVELOP(plain, camera(exposure=2.0))
    light = 7 / 12  # what light of 1 rolls off to, before shadows sink
    due = (1.35 * light * (light + 0.012) / (light + 0.06)) ** (1 / 2.2)
    np.testing.assert_allclose(seen, due, rtol=1e-5)
    lifted = DEVELOP(plain, camera(exposure=2.0, black=0.1))
    np.testing.assert_allclose(lifted, 0.1 + 0.9 * due, rtol=1e-5)


def test_no_colour_is_grey_and_sepia_is_brown(light):
    grey = DEVELOP(light, camera(saturation=0.0))
    np.testing.assert_allclose(grey, jnp.broadcast_to(grey[..., :1], grey.shape))
    brown = np.asarray(DEVELOP(light * 0.4, camera(sepia=1.0)))
    np.testing.assert_allclose(brown[..., 0] / brown[..., 2], 1.08 / 0.74, rtol=1e-3)


def test_a_dot_that_moved_is_a_line_of_the_right_length_and_the_same_light():
    dot = jnp.zeros((128, 128, 1)).at[60, 64].set(1.0)
    line = np.asarray(jax.jit(sensor.motion_blur)(dot, jnp.array([6.0, -3.0])))[..., 0]
    np.testing.assert_allclose(line.sum(), 1, rtol=1e-5)
    y, x = np.mgrid[:128, :128]
    mean = [(line * axis).sum() for axis in (x, y)]
    np.testing.assert_allclose(mean, [64, 60], atol=1e-3)
    spread = [
        (line * (axis - m) ** 2).sum() for axis, m in zip((x, y), mean, strict=True)
    ]
    # An even line of length L has the variance L^2 / 12; being cut into pixels adds.
    assert 3.0 < spread[0] < 3.3 and 0.75 < spread[1] < 1.0
    slope = (line * (x - 64) * (y - 60)).sum() / (line * (x - 64) ** 2).sum()
    assert slope == pytest.approx(-0.5, abs=0.05)


def test_blur_is_as_wide_in_any_picture():
    for size in (64, 128):
        edge = jnp.zeros((size, size, 3)).at[:, size // 2 :].set(0.02)
        seen = np.asarray(DEVELOP(edge, camera(blur=[2.0, 0.0])))[3, :, 0]
        light = seen**2.2  # dark: nearly straight
        slope = np.diff(light).max() / light[-1] * size
        # A Gaussian's peak: 1 / (sigma sqrt(2 pi)), sigma = 2/128 of the side.
        assert slope == pytest.approx(128 / 2 / np.sqrt(2 * np.pi), rel=0.05)


def test_few_pixels_are_few(light):
    seen = np.asarray(DEVELOP(light, camera(coarse=4.0)))
    assert np.linalg.matrix_rank(seen[..., 0], tol=1e-3) == SIZE // 4
    sharp = np.asarray(DEVELOP(light, camera()))
    assert np.linalg.matrix_rank(sharp[..., 0], tol=1e-3) > SIZE // 2


def test_compression_leaves_whole_steps_of_each_wave(light):
    seen = np.asarray(DEVELOP(0.3 + 0.2 * light, camera(jpeg=0.3)))
    bright = seen @ sensor.YCC[0]
    u, v = np.mgrid[:8, :8]
    wave = np.cos(np.pi * u * (2 * v + 1) / 16) / np.where(u == 0, 8, 4) ** 0.5
    step = 0.3 * (0.1 + 0.9 * (u + v) / 14)
    number = wave @ bright[8:16, 16:24] @ wave.T / step
    np.testing.assert_allclose(number, np.round(number), atol=1e-3)
    assert 1 < np.count_nonzero(np.round(number)) < 40


def test_a_side_that_is_no_multiple_of_a_block_is_compressed_too(key):
    picture = jax.random.uniform(key, (20, 28, 3))
    same = jax.jit(sensor.compress)(picture, jnp.asarray(1e-4))
    np.testing.assert_allclose(same, picture, atol=1e-3)


def test_noise_has_the_spread_asked_for():
    plain = jnp.full((128, 128, 3), 0.2)
    seen = DEVELOP(plain, camera(shot_noise=0.02)) - DEVELOP(plain, camera())
    assert float(seen.std()) == pytest.approx(0.02, rel=0.1)
    np.testing.assert_allclose(seen[..., 0], seen[..., 2], atol=1e-6)


def test_a_flat_picture_is_refused():
    with pytest.raises(TypeCheckError):
        sensor.develop(jnp.zeros((SIZE, SIZE)), camera())
