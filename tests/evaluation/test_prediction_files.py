"""What is told of predictions that hardly can be; the rest is in `test_predictions`."""

import numpy as np
import pytest

from lmkjax.evaluation import prediction_files
from lmkjax.landmarks import schemes

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0, 200, (3, 68, 2))


def crops(points):
    """Points in pixels of crops of 96 around them."""
    low = points.min(1, keepdims=True)
    return (points - low) * 96 / (points - low).max((1, 2), keepdims=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (np.copy, ""),
        (lambda p: p + RNG.normal(0, 30, p.shape), ""),  # bad, and no more
        (crops, "pixels of a crop"),
        (lambda p: p / 8, "0.12 times as large"),
        (lambda p: p + [250, 0], "faces away"),
        (lambda p: np.roll(p, 20, 1), "order of 'ibug68'"),
        (lambda p: p[[1, 2, 0]], "of the photo that they are called after"),
        (lambda p: np.full(p.shape, 9.0), "correlation of x 0.00, of y 0.00"),
    ],
)
def test_what_hardly_can_be_is_told(change, told):
    scheme = schemes.get("ibug68")
    said = prediction_files.plausible(change(TRUTH), TRUTH, file="a", scheme=scheme)
    assert told in said and bool(said) == bool(told)
