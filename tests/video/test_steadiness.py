"""Lag of points behind the truth, by hand."""

import numpy as np
import pytest

from lmkjax.video import steadiness

TIMES = np.arange(40.0)


def wave(times):
    return np.stack([np.sin(times / 5), np.cos(times / 7)], -1)[:, None] * [[1, 2]]


@pytest.mark.parametrize("late", [0.0, 0.5, 2.0, -1.0])
def test_points_that_are_late_are_late_whatever_their_offset(late):
    assert steadiness.lag(wave(TIMES - late) + 5, wave(TIMES)) == pytest.approx(
        late, abs=0.051
    )


def test_a_folders_name_is_shown_as_it_is(capsys, tmp_path):
    row = {"lost": 0, "faster": 1.0, "whole": 1.0}
    row |= dict.fromkeys(("raw", "points"), (2.0, 0.5, 0.1))
    steadiness._show([tmp_path / "clip[old]"], [row])
    assert "clip[old]" in capsys.readouterr().out


def test_pictures_without_points_count_nothing():
    points = wave(TIMES - 1)
    points[10:20] = np.nan
    assert steadiness.lag(points, wave(TIMES)) == pytest.approx(1.0, abs=0.051)
    assert np.isnan(steadiness.lag(points[:9], wave(TIMES[:9])))
