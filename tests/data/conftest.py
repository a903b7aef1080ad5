"""Invented faces that the tests of this folder share."""

import io

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from lmkjax.data import sources
from lmkjax.types import Batch


def smooth(height, width):
    """A picture without edges, so that reading between pixels errs little."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9 + y / 13), np.cos(x / 7 - y / 17), np.sin((x + y) / 11)]
    return (127.5 + 120 * np.stack(waves, -1)).round().astype(np.uint8)


def encode(image, kind="PNG", **options):
    data = io.BytesIO()
    Image.fromarray(image).save(data, kind, **options)
    return data.getvalue()


class Examples:
    """Ten faces as TFDS hands them out; face i is 40 + i pixels wide."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        points = np.array([[8, 9], [20, 11 + index], [14, 28]], np.float32)
        photo = encode(smooth(36, 40 + index))
        return {"image": photo, "points": points, "name": f"face_{index}".encode()}


@pytest.fixture
def source():
    return sources.Source("invented/train", Examples(), np.arange(10))


@pytest.fixture
def batch():
    """Four canvases of 48 x 48 with five landmarks."""
    rng = np.random.RandomState(0)
    points = rng.uniform(14, 34, (4, 5, 2)).astype(np.float32)
    box = np.concatenate([points.min(1), points.max(1)], -1)
    return Batch(
        image=jnp.asarray(np.stack([np.roll(smooth(48, 48), i, 1) for i in range(4)])),
        points=jnp.asarray(points),
        visibility=jnp.zeros((4, 5), jnp.int8).at[2, 3].set(1),
        box=jnp.asarray(box),
        mask=jnp.array([True, True, True, False]),
    )
