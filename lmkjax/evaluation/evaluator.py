"""A predict function and a stream of faces to rows of a table."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax import hosts
from lmkjax.evaluation import mean_face, nme
from lmkjax.types import Batch

Predict = Callable[[jax.Array], Mapping[str, jax.Array]]
"""Images in [0, 1] to {"direct" | "subset" | "adapted" | "transfer": points}."""


@dataclasses.dataclass
class Evaluation:
    """What a test found.

    Attributes:
        rows: one for each labels and normaliser: "test_set", "labels",
            "normaliser", "nme" (%), "auc_08" and "fr_08" (0 to 1; the threshold in %
            stands in the name), "faces" (that counted), "points" (of each face: what
            an NME is the mean over), "scheme" (of these), "regions" ({name: nme}).
        faces: by (labels, normaliser), the NME of every face of the stream, in its
            order; NaN = it does not count, as those do not that fill a batch.
        images: the first faces, float32 [n, s, s, 3].
        points: their points by labels, and the true ones as "truth".
        groups: the errors of faces in groups, see `groups.rows`; none of `evaluate`.
    """

    rows: list[dict[str, Any]]
    faces: dict[tuple[str, str], np.ndarray]
    images: np.ndarray
    points: dict[str, np.ndarray]
    groups: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def errors(self) -> dict[tuple[str, str], np.ndarray]:
        """The NME of those faces that count."""
        return {name: own[~np.isnan(own)] for name, own in self.faces.items()}


def evaluate(
    predict: Predict,
    batches: Iterable[Batch],
    *,
    test_set: str,
    scheme: str = "ibug68",
    eyes: nme.Eyes | None = nme.IBUG68,
    regions: Mapping[str, Sequence[int]] | None = None,
    threshold: float = nme.FAILURE,
    mean: np.ndarray | None = None,
    keep: int = 0,
) -> Evaluation:
    """Measures predictions on every face of a stream, each once.

    Each process brings its own part of the faces; the rows are those of all.

    Args:
        predict: see `Predict`; points are in pixels of the images it is given.
        batches: padded to one size, `mask` False for faces that only fill. Images as
            `predict` wants them (uint8 is divided by 255), points in their pixels.
        test_set: its name in the rows.
        scheme: of its points; likewise.
        eyes: of the test set's scheme; None = it has none, so that its errors are
            told in units of the box alone.
        regions: groups of points with an NME of their own.
        threshold: of AUC and failure rate, % NME.
        mean: the mean face of a training set (`mean_face.fit`), for a row that needs
            no network; None = no such row.
        keep: how many faces to hand back with their points, to be drawn.

    Returns:
        Rows, errors of single faces, and the first `keep` faces.

    Raises:
        ValueError: the stream has no face, or predictions have another number of
            points than the truth.
    """
    frozen = tuple((name, tuple(map(int, m))) for name, m in (regions or {}).items())
    score = _scorer(eyes, frozen, threshold)
    totals: dict[str, dict[str, np.ndarray]] = {}
    errors: dict[tuple[str, str], list[np.ndarray]] = {}
    kept: list[dict[str, np.ndarray]] = []
    for batch in batches:
        batch = jax.tree.map(jnp.asarray, batch)
        if batch.image.dtype == jnp.uint8:
            batch = batch.replace(image=batch.image.astype(jnp.float32) / 255)
        preds = dict(predict(batch.image))
        if mean is not None:
            preds["mean_face"] = mean_face.place(jnp.asarray(mean), batch.box)
        for labels, pred in preds.items():
            _check(labels, pred, batch.points, test_set)
            sums, faces = jax.device_get(score(pred, batch.points, batch.mask))
            _add(totals.setdefault(labels, {}), sums)
            for normaliser, values in faces.items():
                errors.setdefault((labels, normaliser), []).append(values)
        shown = preds | {"truth": batch.points, "image": batch.image}
        _keep(kept, shown, np.asarray(batch.mask), room=keep)

    totals = jax.tree.map(lambda x: x[None], totals)
    totals = jax.tree.map(lambda parts: parts.sum(0), hosts.gather(totals))
    faces = {name: hosts.in_order(parts) for name, parts in errors.items()}
    if all(np.isnan(found).all() for found in faces.values()):
        raise ValueError(f"Test set '{test_set}': wanted faces; the stream had none.")
    count = kept[0]["truth"].shape[1]
    rows = [
        {"test_set": test_set, "labels": labels} | row
        for labels, sums in totals.items()
        for row in _rows(sums, (count, scheme), threshold, dict(frozen))
    ]
    drawn = {name: np.concatenate([part[name] for part in kept]) for name in kept[0]}
    images = drawn.pop("image")
    return Evaluation(rows, faces, images, drawn)


@functools.cache
def _scorer(
    eyes: nme.Eyes | None, regions: tuple, threshold: float
) -> Callable[..., Any]:
    """Points and mask to sums over the batch and errors of its faces (NaN: none)."""

    def score(pred, target, mask):
        sums = nme.measure(
            pred, target, mask, eyes=eyes, threshold=threshold, regions=dict(regions)
        )
        faces = {}
        for normaliser in nme.NORMALISERS:
            errors, counts = nme.per_face(
                pred, target, mask, normaliser=normaliser, eyes=eyes
            )
            faces[normaliser] = jnp.where(counts, errors, jnp.nan)
        return sums, faces

    return jax.jit(score)


def _check(labels: str, pred: jax.Array, target: jax.Array, test_set: str) -> None:
    """Refuses predictions that are not of the truth's shape."""
    if pred.shape != target.shape:
        raise ValueError(
            f"Test set '{test_set}' wants points {target.shape}; "
            f"'{labels}' are {pred.shape}."
        )


def _add(totals: dict[str, np.ndarray], sums: Mapping[str, tuple[Any, Any]]) -> None:
    """Adds a batch's sums, in double precision."""
    for name, pair in sums.items():
        totals[name] = totals.get(name, 0.0) + np.array(pair, np.float64)


def _keep(kept: list, shown: Mapping[str, Any], mask: np.ndarray, *, room: int) -> None:
    """Appends the real faces of a batch until `room` faces are kept."""
    room -= sum(len(part["image"]) for part in kept)
    if room > 0 or not kept:  # the first batch, cut to nothing, tells the shapes
        real = np.flatnonzero(mask)[:room]
        kept.append({name: np.asarray(array)[real] for name, array in shown.items()})


def _rows(
    totals: Mapping[str, np.ndarray],
    points: tuple[int, str],
    threshold: float,
    regions: Iterable[str],
) -> list[dict[str, Any]]:
    """The quotients of the sums, a row for each normaliser."""

    def mean(name: str) -> float:
        total, count = totals[name]
        return float(total / count) if count else float("nan")

    metrics = ["nme", nme.name_at("auc", threshold), nme.name_at("fr", threshold)]
    return [
        {"normaliser": by}
        | {metric: mean(f"{by}/{metric}") for metric in metrics}
        | {"faces": int(totals[f"{by}/nme"][1])}
        | dict(zip(("points", "scheme"), points, strict=True))
        | {"regions": {region: mean(f"{by}/nme_{region}") for region in regions}}
        for by in nme.NORMALISERS
    ]
