"""How well a network knows what it knows: visibility and uncertainty against truth."""

import dataclasses
from typing import Any

import numpy as np
from scipy import special, stats

from lmkjax.types import BEHIND_HEAD, BEHIND_OBJECT, OUTSIDE, UNKNOWN, VISIBLE

STATES = {
    "visible": VISIBLE,
    "behind_head": BEHIND_HEAD,
    "behind_object": BEHIND_OBJECT,
    "outside": OUTSIDE,
}
LEVELS = (0.5, 0.8, 0.95)
BINS = 10


@dataclasses.dataclass(frozen=True)
class Answers:
    """What was said and what was true, of n landmarks of any faces.

    Attributes:
        error: distance of point and truth [n], pixels; NaN where it does not count.
        deviation: what the network calls its standard deviation along an axis [n].
        visibility: probabilities of the four states [n, 4]; None = not told.
        state: the true one [n], UNKNOWN where nobody knows.
    """

    error: np.ndarray
    deviation: np.ndarray
    visibility: np.ndarray | None
    state: np.ndarray


def within(error: np.ndarray, deviation: np.ndarray, level: float) -> float:
    """How often the truth lies in the circle that should hold it so often.

    The circle is that of the density exp(-r / s) over the plane, whose standard
    deviation along an axis is sqrt(3) s.

    Args:
        error: distance of point and truth [n]; NaN does not count.
        deviation: along an axis [n], in the same unit.
        level: how often the truth should lie within, 0 to 1.
    """
    counts = np.isfinite(error)
    radius = special.gammaincinv(2, level) / np.sqrt(3) * deviation
    return float((error <= radius)[counts].mean()) if counts.any() else float("nan")


def factor(error: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """By what each landmark's deviation is multiplied so that half lie in their circle.

    Args:
        error: distance of point and truth of n faces [n, k]; NaN does not count, and a
            landmark of which none counts has the factor of all together.
        deviation: along an axis [n, k].
    """
    half = special.gammaincinv(2, 0.5) / np.sqrt(3)
    share = error / deviation / half
    counts = np.isfinite(error)
    every = np.median(share[counts]) if counts.any() else 1.0
    columns = zip(share.T, counts.T, strict=True)
    return np.array([np.median(s[c]) if c.any() else every for s, c in columns])


def area_under_roc(score: np.ndarray, truth: np.ndarray) -> float:
    """The chance that a true one scores above a false one (AUROC); NaN without both.

    Args:
        score: [n].
        truth: bool [n].
    """
    count = int(truth.sum())
    if count in (0, len(truth)):
        return float("nan")
    ranks = stats.rankdata(score)
    above = ranks[truth].sum() - count * (count + 1) / 2
    return float(above / (count * (len(truth) - count)))


def measure(answers: Answers) -> dict[str, Any]:
    """All figures of one test.

    Returns:
        "within": {level: how often}; "rank_correlation" of error and deviation
        (Spearman); "landmarks" that count. Where visibility is told and known also
        "auroc" and "share" {state: ...}, and "reliability": for each tenth of the
        probability of being visible its mean, how often so, and how many.
    """
    counts = np.isfinite(answers.error)
    error, deviation = answers.error[counts], answers.deviation[counts]
    found: dict[str, Any] = {
        "within": {str(level): within(error, deviation, level) for level in LEVELS},
        "rank_correlation": float(stats.spearmanr(error, deviation).statistic),
        "landmarks": int(counts.sum()),
    }
    known = answers.state != UNKNOWN
    if answers.visibility is None or not known.any():
        return found
    chance, state = answers.visibility[known], answers.state[known]
    found["auroc"] = {
        name: area_under_roc(chance[:, number], state == number)
        for name, number in STATES.items()
    }
    found["share"] = {
        name: float((state == number).mean()) for name, number in STATES.items()
    }
    seen, said = state == VISIBLE, chance[:, VISIBLE]
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    found["reliability"] = [
        [float(said[bins == b].mean()), float(seen[bins == b].mean()), int(n)]
        for b in range(BINS)
        if (n := (bins == b).sum())
    ]
    return found
