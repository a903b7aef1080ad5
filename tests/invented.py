"""Invented faces, for tests that need a batch and no picture."""

import numpy as np

from lmkjax.landmarks import schemes
from lmkjax.types import Batch


def faces(scheme, *, side, seed, count=2):
    """Canvases of noise, with as many points as the scheme has, near the middle."""
    rng = np.random.default_rng(seed)
    k = schemes.get(scheme).count
    middle = rng.uniform(0.35, 0.65, size=(count, k, 2)) * side
    return Batch(
        image=rng.integers(0, 255, (count, side, side, 3)).astype(np.uint8),
        points=middle.astype(np.float32),
        visibility=np.zeros((count, k), np.int8),
        box=np.tile(np.float32([0.3, 0.3, 0.7, 0.7]) * side, (count, 1)),
        mask=np.ones(count, bool),
    )
