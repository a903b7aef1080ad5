"""How far points are from the truth, in units of the face: sums that add up.

NME = 100 / n * mean_i |pred_i - target_i| / d, in %, where d is one of

    ocular   the distance between the outer corners of the eyes (36 and 45),
    pupil    the distance between the means of the eyes' points (36-41, 42-47),
    box      sqrt(width * height) of the tight box around the true points.

It has no scale: pixels of the photo and pixels of the crop give the same number.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lmkjax.types import Metrics, typed

NORMALISERS = ("ocular", "pupil", "box")
FAILURE = 8.0
"""% NME above which a face has failed, where nobody says otherwise."""


@dataclasses.dataclass(frozen=True)
class Eyes:
    """Which points of a scheme are the eyes; the default is iBug68.

    Attributes:
        corners: the outer corner of the right and of the left eye.
        right: points whose mean is the right pupil.
        left: points whose mean is the left pupil.
    """

    corners: tuple[int, int] = (36, 45)
    right: tuple[int, ...] = (36, 37, 38, 39, 40, 41)
    left: tuple[int, ...] = (42, 43, 44, 45, 46, 47)

    @classmethod
    def of(cls, subset68: Sequence[int] | np.ndarray) -> "Eyes":
        """The eyes of a scheme in which point `subset68[i]` is iBug68's point i."""
        ibug68 = cls()
        pairs = dataclasses.asdict(ibug68).items()
        return cls(
            **{name: tuple(int(subset68[i]) for i in own) for name, own in pairs}
        )


IBUG68 = Eyes()


@typed
def distance(
    target: Float[Array, "b k 2"], *, normaliser: str, eyes: Eyes | None = IBUG68
) -> Float[Array, " b"]:
    """What a face's errors are divided by, in the unit of its points.

    Args:
        target: true points, any unit.
        normaliser: "ocular", "pupil" or "box".
        eyes: which points are the eyes; None = these points have none.

    Returns:
        The distance; 0 for a face whose points all lie in one place, and between eyes
        that are not there.

    Raises:
        ValueError: no such normaliser.
    """
    if normaliser not in NORMALISERS:
        raise ValueError(f"Unknown normaliser '{normaliser}'; known: {NORMALISERS}.")
    if normaliser == "box":
        return jnp.sqrt((target.max(-2) - target.min(-2)).prod(-1))
    if eyes is None:
        return jnp.zeros(target.shape[0])
    if normaliser == "ocular":
        ends = [[corner] for corner in eyes.corners]
    else:
        ends = [eyes.right, eyes.left]
    right, left = _means(ends, points=target.shape[1]).T
    # One product of [b, 2k]: four times as fast on a CPU as to gather and to average.
    pick = np.kron((right - left)[:, None], np.eye(2, dtype=np.float32))
    between = jnp.dot(target.reshape(len(target), -1), pick, precision="highest")
    return jnp.sqrt(between[:, 0] ** 2 + between[:, 1] ** 2)


@typed
def per_face(
    pred: Float[Array, "b k 2"],
    target: Float[Array, "b k 2"],
    mask: Bool[Array, " b"],
    *,
    normaliser: str,
    eyes: Eyes | None = IBUG68,
) -> tuple[Float[Array, " b"], Bool[Array, " b"]]:
    """The NME of each face, and which faces have one.

    A face without a normaliser (its eyes lie in one place or are not among the points,
    its box has no area, or a true point is not finite) has none, as has a face that
    only fills the batch.
    A prediction that is not finite has an infinite error: it is a failure, and must
    not vanish from a mean.

    Args:
        pred: predicted points, any unit.
        target: true points, same unit.
        mask: which faces are real.
        normaliser: "ocular", "pupil" or "box".
        eyes: see `distance`.

    Returns:
        NME in %, 0 where there is none; whether the face counts.
    """
    error = _lengths(pred, target).mean(-1)
    return _normalise(error, distance(target, normaliser=normaliser, eyes=eyes), mask)


@typed
def measure(
    pred: Float[Array, "b k 2"],
    target: Float[Array, "b k 2"],
    mask: Bool[Array, " b"],
    *,
    threshold: float = FAILURE,
    eyes: Eyes | None = IBUG68,
    regions: Mapping[str, Sequence[int] | np.ndarray] | None = None,
) -> Metrics:
    """Every number of a table's row, as sums over a batch.

    The area under the curve of cumulative errors up to t is a mean over faces,
    max(0, 1 - NME / t); so it adds up exactly, and needs no histogram.

    Args:
        pred: predicted points, any unit.
        target: true points, same unit.
        mask: which faces are real; the others count nothing.
        threshold: of AUC and failure rate, % NME, above 0.
        eyes: see `distance`.
        regions: names of groups of points, for an NME of their own.

    Returns:
        For "ocular", "pupil" and "box" `<normaliser>/nme`, `.../auc_08`, `.../fr_08`
        (the threshold stands in the name) and `.../nme_<region>`: (sum, faces that
        count). NME in %, the area and the share of failures from 0 to 1.

    Raises:
        ValueError: `threshold` is not above 0.
    """
    if threshold <= 0:
        raise ValueError(f"Need threshold > 0 (in %); got {threshold}.")
    groups = {"nme": range(target.shape[1])}
    groups |= {f"nme_{name}": members for name, members in (regions or {}).items()}
    weights = _means(list(groups.values()), points=target.shape[1])
    means = jnp.dot(_lengths(pred, target), weights, precision="highest")

    metrics = {}
    for normaliser in NORMALISERS:
        unit = distance(target, normaliser=normaliser, eyes=eyes)
        values = {
            name: _normalise(mean, unit, mask)
            for name, mean in zip(groups, means.T, strict=True)
        }
        error, counts = values["nme"]
        area = jnp.maximum(0.0, 1.0 - error / threshold)
        values[name_at("auc", threshold)] = (area, counts)
        values[name_at("fr", threshold)] = (
            jnp.where(error > threshold, 1.0, 0.0),
            counts,
        )
        for name, (value, counts) in values.items():
            total = jnp.where(counts, value, 0.0).sum()
            metrics[f"{normaliser}/{name}"] = (total, counts.sum(dtype=jnp.float32))
    return metrics


def name_at(metric: str, threshold: float) -> str:
    """A metric's name with its threshold in %: `auc_08`, `fr_10`, `auc_7.5`."""
    return f"{metric}_{threshold:02g}"


def _means(groups: Sequence[Sequence[int]], *, points: int) -> np.ndarray:
    """Weights [points, groups] that take values of points to means of groups."""
    weights = np.zeros((points, len(groups)), np.float32)
    for column, members in enumerate(groups):
        weights[np.asarray(members), column] = 1.0 / len(members)
    return weights


def _lengths(
    pred: Float[Array, "b k 2"], target: Float[Array, "b k 2"]
) -> Float[Array, "b k"]:
    """How far each point is from the truth."""
    # Flat, because a last axis of 2 keeps a CPU from vectorising: 30 times as slow.
    offsets = (pred - target).reshape(len(pred), -1)
    return jnp.sqrt(offsets[:, 0::2] ** 2 + offsets[:, 1::2] ** 2)


def _normalise(
    error: Float[Array, " b"], unit: Float[Array, " b"], mask: Bool[Array, " b"]
) -> tuple[Float[Array, " b"], Bool[Array, " b"]]:
    """Errors in % of a unit (0 where they count nothing), and which count."""
    counts = mask & (unit > 0) & jnp.isfinite(unit)
    share = 100.0 * error / jnp.where(counts, unit, 1.0)
    share = jnp.where(jnp.isfinite(share), share, jnp.inf)
    return jnp.where(counts, share, 0.0), counts
