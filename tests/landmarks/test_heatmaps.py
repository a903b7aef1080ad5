"""Heatmaps: values by hand, what the decoders get wrong, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from lmkjax.landmarks import heatmaps
from lmkjax.landmarks import points as coordinates

DECODE = jax.jit(heatmaps.decode, static_argnames="decoder")


@pytest.mark.parametrize("decoder", heatmaps.DECODERS)
def test_a_symmetric_bump_on_a_cell_is_read_exactly(decoder):
    logits = -jnp.square(jnp.arange(9.0) - 4)
    logits = logits[:, None] + logits[None]
    logits = jnp.broadcast_to(logits[None, ..., None], (2, 9, 9, 3))
    np.testing.assert_allclose(DECODE(logits, decoder=decoder), 4.5, atol=1e-5)


def test_quarter_offset_by_hand():
    maps = jnp.zeros((2, 5, 6, 3)).at[:, 2, 3].set(1.0).at[:, 2, 4].set(0.5)
    maps = maps.at[:, 1, 3].set(0.1)
    np.testing.assert_allclose(heatmaps.argmax(maps)[1, 2], [3.75, 2.25])
    corner = jnp.zeros((2, 5, 6, 3)).at[:, 0, 5].set(1.0).at[:, 1, 5].set(0.5)
    np.testing.assert_allclose(heatmaps.argmax(corner)[0, 1], [5.5, 0.5])


def test_quarter_offset_along_a_border_asks_the_cells_of_the_border():
    """And not those of the next row, or column, which may tell otherwise."""
    top = jnp.zeros((2, 5, 6, 3)).at[:, 0, 2].set(1.0).at[:, 0, 1].set(0.5)
    top = top.at[:, 1, 3].set(0.4)
    np.testing.assert_allclose(heatmaps.argmax(top)[1, 2], [2.25, 0.5])
    right = jnp.zeros((2, 5, 6, 3)).at[:, 3, 5].set(1.0).at[:, 4, 5].set(0.5)
    right = right.at[:, 2, 4].set(0.4)
    np.testing.assert_allclose(heatmaps.argmax(right)[0, 1], [5.5, 3.75])


def test_dark_reads_a_turned_gaussian_exactly():
    x, y = np.meshgrid(np.arange(8) + 0.5, np.arange(7) + 0.5)
    dx, dy = x - 3.8, y - 2.9
    maps = np.exp(-(dx**2 + 0.8 * dx * dy + 2 * dy**2) / 2)
    maps = jnp.asarray(np.broadcast_to(maps[None, ..., None], (2, 7, 8, 3)))
    expected = np.broadcast_to([3.8, 2.9], (2, 3, 2))
    np.testing.assert_allclose(jax.jit(heatmaps.dark)(maps), expected, atol=1e-3)


def test_dark_of_a_flat_map_is_a_centre():
    np.testing.assert_array_equal(heatmaps.dark(jnp.ones((2, 5, 6, 3))), 0.5)


def test_soft_argmax_is_the_weighted_mean():
    logits = jax.random.normal(jax.random.key(0), (2, 4, 5, 3))
    chance = np.exp(logits) / np.exp(logits).sum((1, 2), keepdims=True)
    x, y = np.meshgrid(np.arange(5) + 0.5, np.arange(4) + 0.5)
    expected = [(chance * g[None, ..., None]).sum((1, 2)) for g in (x, y)]
    got = DECODE(logits, decoder="soft_argmax")
    np.testing.assert_allclose(got, np.stack(expected, -1), rtol=1e-5)
    np.testing.assert_allclose(heatmaps.softmax(logits), chance, rtol=1e-5)


@pytest.mark.parametrize("exact", [True, False])
def test_means_under_maps_by_hand_and_those_of_centres_are_the_soft_argmax(exact):
    logits = 3 * jax.random.normal(jax.random.key(0), (2, 4, 5, 3)) + 100
    held = jax.random.normal(jax.random.key(1), (2, 4, 5, 6))
    centres = jnp.broadcast_to(coordinates.centres(4, 5), (2, 4, 5, 2))
    means = jax.jit(heatmaps.means, static_argnames="exact")
    got, top = means(logits, jnp.concatenate([held, centres], -1), exact=exact)
    chance = np.asarray(heatmaps.softmax(logits))
    expected = np.einsum("bhwk,bhwc->bkc", chance, held)
    np.testing.assert_allclose(got[..., :6], expected, atol=1e-5)
    np.testing.assert_allclose(got[..., 6:], heatmaps.soft_argmax(logits), atol=1e-5)
    np.testing.assert_allclose(top, chance.max((1, 2)), rtol=1e-5)


def test_spread_is_the_gaussians_sigma_and_that_of_a_flat_map():
    points = jnp.full((2, 3, 2), 12.3)
    at = jnp.arange(24)[None, :, None] + 0.5
    x, y = (-jnp.square(at - points[:, None, :, i]) / (2 * 1.5**2) for i in (0, 1))
    logits = y[:, :, None] + x[:, None]
    np.testing.assert_allclose(jax.jit(heatmaps.spread)(logits), 1.5, rtol=1e-3)
    flat = heatmaps.spread(jnp.zeros((2, 12, 12, 3)))
    np.testing.assert_allclose(flat, np.sqrt((144 - 1) / 12), rtol=1e-5)


@pytest.mark.parametrize("decoder", heatmaps.HEIGHTS.values())
def test_spread_of_a_heatmap_is_that_of_what_is_drawn(decoder):
    """Of a softmax of it, whose cells all weigh about the same, it is the map's.

    Of what is at least a tenth as high as the top, of a Gaussian of sigma 1.5: a
    variance of sigma^2 (1 - ln(10) 0.1 / 0.9).
    """
    at = jnp.arange(24)[None, :, None] + 0.5
    centre = jnp.array([[[12.3, 9.8]]])
    bell = jnp.exp(-jnp.square(at - centre) / (2 * 1.5**2))
    maps = 0.4 * bell[:, :, None] * bell[:, None]
    about = jnp.where(maps < 0.02, 0.02 * jnp.sign(jnp.sin(1e4 * maps)), maps)
    spread = jax.jit(heatmaps.spread, static_argnames="decoder")
    expected = 1.5 * np.sqrt(1 - np.log(10) / 9)
    np.testing.assert_allclose(spread(maps, decoder=decoder), expected, rtol=0.02)
    np.testing.assert_allclose(spread(about, decoder=decoder), expected, rtol=0.02)
    assert (np.asarray(heatmaps.spread(maps)) > 6.5).all()
    none = heatmaps.spread(jnp.full((2, 12, 12, 3), -1.0), decoder=decoder)
    np.testing.assert_allclose(none, np.sqrt((144 - 1) / 12), rtol=1e-5)


def bias(decoder, low, high):
    """Mean and largest error of a perfect map's points, x between two pixels."""
    x = np.linspace(low, high, 101)[1:-1]
    points = jnp.asarray(np.stack([x, np.full_like(x, 16.2)], -1)[:, None], jnp.float32)
    squared = -jnp.square(jnp.arange(32)[None, :, None] + 0.5 - points[:, None, :, 0])
    down = -jnp.square(jnp.arange(32)[None, :, None] + 0.5 - points[:, None, :, 1])
    logits = (down[:, :, None] + squared[:, None]) / 2
    error = np.abs(DECODE(logits, decoder=decoder)[:, 0, 0] - x)
    return error.mean(), error.max()


@pytest.mark.parametrize(
    ("decoder", "expected"),
    [  # the table of the module's docstring
        ("soft_argmax", "0.67 0.83 0.40 0.52 0.14 0.28 0.02 0.05 0.00 0.00"),
        ("argmax", "0.25 0.50 0.25 0.50 0.12 0.24 0.12 0.24 0.12 0.24"),
        ("dark", "0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00"),
    ],
)
def test_the_bias_is_what_the_table_says(decoder, expected):
    ranges = [(0, 0.5), (0.5, 1), (1, 2), (2, 3), (15, 16)]
    measured = np.array([bias(decoder, *r) for r in ranges]).ravel()
    figures = np.array(expected.split(), float)
    # The table has two digits, and argmax jumps within 0.01 of a cell's border.
    np.testing.assert_allclose(measured, figures, atol=0.01)
    row = "    ".join(f"{a:.2f} / {b:.2f}" for a, b in figures.reshape(-1, 2))
    row = f"    {decoder:<13}{row.replace('    ', '  ')}"
    assert row in heatmaps.__doc__


def test_a_heatmap_that_is_drawn_is_read_exactly_where_its_softmax_is_not():
    """Of a Gaussian of height 1 and sigma 1, and with what lies below 0 about it."""
    place = np.random.default_rng(0).uniform(4, 8, (7, 5, 2)).astype(np.float32)
    at = np.arange(12, dtype=np.float32)[None, :, None] + 0.5
    x, y = (np.exp(-((at - place[:, None, :, i]) ** 2) / 2) for i in (0, 1))
    maps = jnp.asarray(y[:, :, None] * x[:, None])
    found = DECODE(maps, decoder=heatmaps.HEIGHTS["dark"])
    np.testing.assert_allclose(found, place, atol=1e-3)
    below = jnp.where(maps < 1e-3, -0.5, maps)
    np.testing.assert_allclose(DECODE(below, decoder=heatmaps.HEIGHTS["dark"]), found)
    assert np.abs(DECODE(maps, decoder="dark") - place).max() > 0.02


def test_what_is_refused():
    with pytest.raises(ValueError, match="Unknown decoder 'peak'; known"):
        heatmaps.decode(jnp.zeros((2, 4, 5, 3)), decoder="peak")
    with pytest.raises(TypeCheckError):
        heatmaps.soft_argmax(jnp.zeros((4, 5, 3)))
