"""What is told of predictions that hardly can be; the rest is in `test_predictions`."""

import numpy as np
import pytest

from lmkjax.errors import UserError
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
        (lambda p: np.full(p.shape, 9.0), "correlation 0.00"),
    ],
)
def test_what_hardly_can_be_is_told(change, told):
    scheme = schemes.get("ibug68")
    said = prediction_files.plausible(change(TRUTH), TRUTH, file="a", scheme=scheme)
    assert told in said and bool(said) == bool(told)


def test_points_in_a_line_or_in_one_place_are_what_they_are():
    """A nose's bridge reaches nowhere along x, whose noise says nothing."""
    down = np.arange(7.0) * 5
    truth = np.stack([0.2 * (down % 2), down], -1)[None].repeat(9, 0)
    found = truth + RNG.normal(0, 1, truth.shape)
    found[..., 0] -= 2 * (truth[..., 0] - truth[..., 0].mean())  # the other way round
    bridge = schemes.read("nose_bridge: 7", name="bridge", where="here")

    def told(pred, target):
        return prediction_files.plausible(pred, target, file="a", scheme=bridge)

    assert told(found, truth) == ""
    assert told(found[:, :1], truth[:, :1]) == ""
    with pytest.raises(UserError, match=r"seem to be \[y, x\]"):
        told(found[..., ::-1], truth)
    with pytest.raises(UserError, match="height - y"):
        told(found * [1, -1], truth)
