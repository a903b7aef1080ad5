"""Faces in groups by what is known of them: a mean over all hides the profiles."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from lmkjax.evaluation import nme
from lmkjax.types import typed

EDGES = {
    "yaw": (30.0, 60.0),
    "nose tip off by": (0.1, 0.25, 0.4),
    "skin": (0.3, 1.0),
    "age": (0.0, 0.33, 0.66),
}
"""Between groups: degrees; see `offset`; melanin, from 0.05 (palest) to 2.4; how deep
wrinkles and folds are, where a child's are below 0."""
NAMES = {
    "skin": ("light", "medium", "dark"),
    "age": ("child", "smooth", "some folds", "deep folds"),
}
"""What groups are called whose numbers say little."""
BRIDGE, TIP, CHIN, JAW_ENDS = 27, 30, 8, (0, 16)
Groups = Mapping[str, Mapping[str, np.ndarray]]
"""By what faces are grouped: the groups' names to the numbers of their faces."""


@typed
def offset(points: Float[np.ndarray, "n 68 2"]) -> Float[np.ndarray, " n"]:
    """How far the nose's tip is off the middle of the jaw's ends: what stands for yaw.

    It is measured across the line from the bridge of the nose to the chin, so that a
    tilt changes nothing, in units of sqrt(width * height) of the box of the points.

    Args:
        points: the 68 iBug points of each face, any unit.

    Returns:
        At least 0; infinite for a face whose points all lie in one place.
    """
    down = points[:, CHIN] - points[:, BRIDGE]
    beside = points[:, TIP] - points[:, JAW_ENDS].mean(1)
    across = np.abs(beside[:, 0] * down[:, 1] - beside[:, 1] * down[:, 0])
    unit = np.sqrt(np.ptp(points, axis=1).prod(-1)) * np.linalg.norm(down, axis=-1)
    return np.where(unit > 0, across / np.where(unit > 0, unit, 1), np.inf)


def by_turn(points: np.ndarray | None, yaw_deg: np.ndarray | None) -> Groups:
    """The faces by how far their heads are turned.

    Args:
        points: the true 68 iBug points of each face; not needed where the yaw is known.
        yaw_deg: of each face; None where it is not known.
    """
    if yaw_deg is None:
        return split({"nose tip off by": offset(points)})
    return split({"yaw": np.abs(yaw_deg)})


def split(known: Mapping[str, np.ndarray]) -> Groups:
    """The numbers of the faces of each group that has some.

    Args:
        known: names of `EDGES` to a number of each face.
    """
    return {what: _split(what, values) for what, values in known.items()}


def _split(what: str, values: np.ndarray) -> dict[str, np.ndarray]:
    edges = [-math.inf, *EDGES[what], math.inf]
    found = {}
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = (values >= low) & ((values < high) | math.isinf(high))
        if what in NAMES:
            name = NAMES[what][number]
        else:
            upper = "and more" if math.isinf(high) else f"to {high:g}"
            name = f"{max(low, 0):g} {upper}"
        if inside.any():
            found[name] = np.flatnonzero(inside)
    return found


def rows(
    errors: Mapping[tuple[str, str], np.ndarray],
    groups: Groups,
    *,
    test_set: str,
    points: int,
    scheme: str,
    threshold: float,
) -> list[dict[str, Any]]:
    """The errors of each group: what `tables` writes.

    Args:
        errors: NME of every face by (labels, normaliser), NaN = it has none; see
            `evaluator.Evaluation`.
        groups: numbers of the faces.
        test_set: its name in the rows.
        points: of each face.
        scheme: of these.
        threshold: of the failure rate, % ocular NME.

    Returns:
        One for each group and way to labels: "test_set", "labels", "points", "scheme",
        "by", "group", "faces" (whose box NME counts), the NME by its normaliser, and
        the share of failures. NaN where no face counts.
    """
    first = nme.NORMALISERS[0]
    found = []
    for what, parts in groups.items():
        for labels, (name, own) in itertools.product(_labels(errors), parts.items()):
            each = {by: errors[labels, by][own] for by in nme.NORMALISERS}
            each = {by: e[~np.isnan(e)] for by, e in each.items()}
            fails = each[first] > threshold
            found.append(
                {"test_set": test_set, "labels": labels}
                | {"points": points, "scheme": scheme}
                | {"by": what, "group": name, "faces": len(each["box"])}
                | {by: _mean(values) for by, values in each.items()}
                | {nme.name_at("fr", threshold): _mean(fails)}
            )
    return found


def _labels(errors: Mapping[tuple[str, str], np.ndarray]) -> Sequence[str]:
    return list(dict.fromkeys(labels for labels, _ in errors))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
