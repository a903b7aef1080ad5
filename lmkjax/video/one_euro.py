"""A low-pass filter of points: calm while they rest, quick while they move."""

import math

import numpy as np
from jaxtyping import Float

CUTOFF_HZ, SLOPE, SPEED_HZ = 1.0, 20.0, 1.0
"""What of a resting point passes; Hz more for each side of the box that it moves in a
second; what of its speed passes."""
LEAST_S = 1e-5
"""Pictures are so far apart in time at least: two of one time divide by nothing."""
SURE = 0.01
"""The uncertainty, in sides of the box, at which the cut-off is as said: the usual."""


class OneEuro:
    """One filter for each of many points, all of one face.

    What the face does as a whole (it shifts, turns, comes nearer) is no noise: many
    points tell it. The filtered points are carried along with it, and what is left,
    each point's own motion, is filtered. It is measured in sides of the face's box, so
    a face that is near is smoothed like one far off. The less sure a point is, the less
    of its motion passes.

    Source: Casiez et al., "1 Euro Filter: A Simple Speed-Based Low-Pass Filter for
        Noisy Input in Interactive Systems", CHI 2012. Theirs filters all motion, one
        axis at a time, and knows of no uncertainty. On rendered clips it took half a
        picture's time of lag for what this one takes a tenth of.
    """

    def __init__(self, *, cutoff_hz: float = CUTOFF_HZ, slope: float = SLOPE):
        """A filter that has seen nothing.

        Args:
            cutoff_hz: what of a resting point passes.
            slope: Hz more for each side of the box that it moves in a second.
        """
        self._cutoff_hz, self._slope = cutoff_hz, slope
        self._raw: np.ndarray | None = None
        self._smooth = self._speed = np.zeros(0)
        self._time_s = 0.0

    def __call__(
        self,
        points: Float[np.ndarray, "k 2"],
        uncertainty: Float[np.ndarray, " k"],
        *,
        side: float,
        time_s: float,
    ) -> Float[np.ndarray, "k 2"]:
        """The points, smoothed; the first time as they are.

        Args:
            points: pixels.
            uncertainty: their standard deviations, pixels.
            side: of the face's box, pixels, above 0.
            time_s: of the picture, later than that of the one before.
        """
        if self._raw is None:
            self._smooth, self._speed = points, np.zeros_like(points)
        else:
            step_s = max(time_s - self._time_s, LEAST_S)
            there = _carried(self._smooth, self._raw, points, uncertainty)
            speed = (points - there) / step_s
            self._speed = self._speed + _share(SPEED_HZ, step_s) * (speed - self._speed)
            moved = np.linalg.norm(self._speed, axis=-1) / side
            sure = SURE * side / np.maximum(uncertainty, 1e-6 * side)
            cutoff = (self._cutoff_hz + self._slope * moved) * np.sqrt(sure)
            self._smooth = there + _share(cutoff, step_s)[:, None] * (points - there)
        self._raw, self._time_s = points, time_s
        return self._smooth


def _carried(
    smooth: np.ndarray, old: np.ndarray, new: np.ndarray, uncertainty: np.ndarray
) -> np.ndarray:
    """Points moved as the face has: shifted, turned and scaled as a whole.

    By least squares between the network's points in two pictures, by their variances.
    """
    weight = np.maximum(uncertainty, 1e-3) ** -2.0
    weight = weight / weight.sum()
    first, second, carried = (x @ [1, 1j] for x in (old, new, smooth))
    middles = weight @ first, weight @ second
    first, second = first - middles[0], second - middles[1]
    spread = max(weight @ np.abs(first) ** 2, 1e-9)
    turn = weight @ (first.conj() * second) / spread
    carried = (carried - middles[0]) * turn + middles[1]
    return np.stack([carried.real, carried.imag], -1)


def _share(cutoff_hz, step_s: float):
    """How much of a new value goes into the mean, after a step in time."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * step_s))
