"""Sharpness: pictures of which the power is known, blurred ones and noisy ones."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lmkjax.studio.audit import sharpness

RNG = np.random.default_rng(0)
SIDE = sharpness.SIDE
GRAIN = RNG.integers(0, 256, (SIDE, SIDE, 1)).repeat(3, 2).astype(np.uint8)


def test_white_noise_has_the_same_power_everywhere():
    assert np.abs(sharpness.power(GRAIN)).max() < 0.2


def test_blur_takes_power_the_more_the_higher_the_frequency():
    soft = np.asarray(Image.fromarray(GRAIN).filter(ImageFilter.GaussianBlur(1.0)))
    found = sharpness.power(soft)
    middle = (sharpness.RINGS[:-1] + sharpness.RINGS[1:]) / 2
    # A Gaussian's own spectrum: exp(-(2 pi f sigma)^2) of the power is left.
    due = -((2 * np.pi * middle) ** 2) / np.log(10)
    np.testing.assert_allclose(found[:4], (due[1:] - due[0])[:4], atol=0.35)
    assert (np.diff(found[:5]) < 0).all()


def test_noise_gives_power_at_high_frequencies():
    wave = np.sin(2 * np.pi * 0.07 * np.arange(SIDE))[None, :, None]
    plain = np.broadcast_to(128 + 90 * wave, (SIDE, SIDE, 3))
    noisy = plain + RNG.normal(0, 6, (SIDE, SIDE, 3))
    clean, spoiled = (sharpness.power(np.uint8(p + 0.5)) for p in (plain, noisy))
    assert (spoiled > clean + 0.5).all()


@pytest.mark.parametrize("factor", [0.25, 0.5])
def test_contrast_changes_nothing(factor):
    dull = np.uint8(GRAIN * factor)
    np.testing.assert_allclose(sharpness.power(dull), sharpness.power(GRAIN), atol=0.02)


def test_percentiles_are_those_over_the_pictures():
    grain = Image.fromarray(GRAIN)
    soft = [grain.filter(ImageFilter.GaussianBlur(0.1 * i)) for i in range(11)]
    found = sharpness.measure(map(np.asarray, soft))
    assert found.count == 11
    due = [sharpness.power(np.asarray(soft[i])) for i in (9, 5, 1)]  # softest first
    np.testing.assert_allclose(found.power, due)
