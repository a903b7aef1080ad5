"""A trained network against every test set: the rows of its report."""

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lmkjax import hosts
from lmkjax.adapt import adaptation
from lmkjax.data import geometric, streams
from lmkjax.detect import inference, specs
from lmkjax.errors import UserError
from lmkjax.evaluation import boxes, calibration, evaluator, groups, mean_face, nme
from lmkjax.experiment.bench import testsets
from lmkjax.landmarks import points, schemes
from lmkjax.types import UNKNOWN, Batch

IBUG68 = schemes.get("ibug68")
MOST = 4096
"""Faces that a mean face is the mean of, at most."""


@dataclasses.dataclass(frozen=True)
class Measuring:
    """How weights are measured.

    Attributes:
        batch: faces per look, of all processes.
        flip: average with the mirrored picture.
        views: looks at each face to average, see `views.mean`.
        failure: threshold of AUC and failure rate, % NME.
        drawn: how many faces of a test set to keep for drawing.
    """

    batch: int
    flip: bool
    views: int
    failure: float
    drawn: int


@dataclasses.dataclass
class Findings:
    """What the benchmark found.

    Attributes:
        evaluations: one per test set, scheme and box perturbation, by a name.
        adapter: the label adapter fitted on the way; None where none was.
        calibrations: what uncertainty and visibility are worth, by test set; see
            `calibration.measure`.
    """

    evaluations: dict[str, evaluator.Evaluation]
    adapter: adaptation.Adapter | None
    calibrations: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows, in the order of the tests."""
        return [row for e in self.evaluations.values() for row in e.rows]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """All rows of groups of faces, likewise."""
        return [row for e in self.evaluations.values() for row in e.groups]


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A network set up to be measured, as often as you like: it compiles once.

    Attributes:
        spec: of the network.
        how: it is measured.
        seed: of the adapter's fit.
    """

    spec: specs.Spec
    how: Measuring
    seed: int = 0

    def run(
        self,
        weights: Any,
        tests: Iterable[testsets.TestSet],
        *,
        train: Mapping[schemes.Scheme, Any],
    ) -> Findings:
        """Measures weights on every test set.

        Args:
            weights: of the network.
            tests: the test sets.
            train: labelled train faces (`streams.Canvases`) by their scheme. The mean
                face of a scheme comes from them, and there is none without; so does
                the label adapter of a network that speaks another than the 68.

        Returns:
            Rows, faces to draw, and the adapter.
        """
        means = {s: mean_face.fit(_labelled(faces)) for s, faces in train.items()}
        adapter = None
        if IBUG68 in train and self.spec.scheme != IBUG68:
            adapter = self._fit(self._asked(weights), train[IBUG68])
        found = {}
        for test in tests:
            for number, scheme in enumerate(self._schemes(test)):
                predict = self._labels(weights, scheme, adapter)
                for wrong in self._boxes(test):
                    name = wrong.of(test.name) + f" {scheme.count} points" * (
                        number > 0
                    )
                    found[name] = self._evaluate(
                        predict, test, scheme, wrong, means.get(scheme, None)
                    )
        calibrations = {t.name: self._calibrate(weights, t, adapter) for t in tests}
        return Findings(found, adapter, calibrations)

    def nme(self, weights: Any, test: testsets.TestSet) -> float:
        """The ocular NME on faces labelled with 68 points, %, with nothing fitted.

        As the report's row "direct", "transfer" or "subset", the best that there is
        of them in this order.
        """
        predict = self._labels(weights, IBUG68, None)

        def best(images: jax.Array) -> Mapping[str, jax.Array]:
            ways = predict(images)
            way = next(w for w in ("direct", "transfer", "subset") if w in ways)
            return {way: ways[way]}

        found = self._evaluate(best, test, IBUG68, boxes.Boxes(), None)
        return next(r["nme"] for r in found.rows if r["normaliser"] == "ocular")

    @functools.cached_property
    def _predictor(self) -> Callable:
        return inference.predictor(self.spec, views=self.how.views)

    def _asked(
        self, weights: Any, scheme: schemes.Scheme | None = None
    ) -> Callable[[jax.Array], inference.Prediction]:
        """What the network says of images, asked for a scheme or for its own."""
        ask = inference.asker(self.spec, scheme, flip=self.how.flip)
        return functools.partial(self._predictor, weights, ask(weights))

    def _batches(
        self, canvases: streams.Canvases, wrong: boxes.Boxes | None = None
    ) -> Iterator[Batch]:
        """The faces, cut as the network sees them, by true or by wrong boxes."""
        index, count = jax.process_index(), jax.process_count()
        stream = streams.test(
            canvases, batch=self.how.batch, process_index=index, process_count=count
        )
        cut = functools.partial(
            _cut, framing=self.spec.framing, size=self.spec.input_px
        )
        return boxes.perturbed(
            stream,
            wrong or boxes.Boxes(),
            cut,
            first=index * self.how.batch // count,
            stride=self.how.batch,
        )

    def _fit(self, predict, fit_on: streams.Canvases) -> adaptation.Adapter:
        """The adapter from predictions on train faces to their 68 labels."""
        told = []
        for batch in self._batches(fit_on):
            said = predict(batch.image)
            inside = points.inside(batch.points, size=batch.image.shape[-2])
            told.append((batch.mask, said.points, said.spread, batch.points, inside))
        # Every process fits on the faces of all.
        real, *parts = _columns(told)
        pred, spread, target, inside = (part[real] for part in parts)
        own = self.spec.scheme
        how = {"indices": own.subset68, "mirror": (own.mirror, IBUG68.mirror)}
        adapter = adaptation.fit(pred, target, **how, seed=self.seed, scheme=own)
        if own.subset68 is None:
            return adapter
        # Faces that taught it would tell how well it knows them by heart.
        found = adaptation.unseen(pred, target, **how, seed=self.seed)
        if found is None:
            found = adaptation.apply(adapter, pred)
        away = np.linalg.norm(found - target, axis=-1)
        away = np.where(inside, away, np.nan)
        scale = calibration.factor(away, spread[:, own.subset68])
        return dataclasses.replace(adapter, scale=scale)

    def _calibrate(self, weights, test, adapter) -> dict[str, Any]:
        """What uncertainty and visibility are worth on a test set.

        Of photos with an adapter it is that of the adapted points.
        """
        predict = self._as_asked(weights, test.scheme, adapter)
        if predict is None:
            return {}
        told = []
        for batch in self._batches(test.canvases):
            pred, spread, visibility = predict(batch.image)
            inside = points.inside(batch.points, size=batch.image.shape[-2])
            counts = np.asarray(inside & batch.mask[:, None])
            away = np.linalg.norm(np.asarray(pred - batch.points), axis=-1)
            state = np.where(batch.mask[:, None], batch.visibility, UNKNOWN)
            told.append((np.where(counts, away, np.nan), spread, visibility, state))
        away, spread, visibility, state = _columns(told)
        each = None if visibility is None else visibility.reshape(-1, 4)
        flat = away.ravel(), spread.ravel(), each, state.ravel()
        return calibration.measure(calibration.Answers(*flat))

    def _as_asked(self, weights, scheme, adapter) -> Callable | None:
        """Images to points, deviations and visibility in a scheme, if there is one."""
        own = self.spec.scheme
        if scheme == IBUG68 != own and adapter is not None:
            predict, subset, scale = self._asked(weights), own.subset68, adapter.scale
            if scale is None:
                return None

            def adapted(images):
                said = predict(images)
                pred = adaptation.apply(adapter, np.asarray(said.points))
                return pred, said.spread[:, subset] * scale[None], None

            return adapted
        if scheme != own and not self.spec.any_place:
            return None
        ask = self._asked(weights, scheme)
        told = operator.attrgetter("points", "spread", "visibility")
        return lambda images: told(ask(images))

    def _schemes(self, test: testsets.TestSet) -> list[schemes.Scheme]:
        """In which schemes a test set can be measured: its own, and the 68 in it."""
        if test.alone or test.scheme == IBUG68 or test.scheme.subset68 is None:
            return [test.scheme]
        speaks = self.spec.any_place or test.scheme == self.spec.scheme
        return [*[test.scheme] * speaks, IBUG68]

    def _boxes(self, test: testsets.TestSet) -> tuple[boxes.Boxes, ...]:
        return (boxes.Boxes(), *(boxes.PERTURBED if test.detector_like else ()))

    def _labels(self, weights, scheme, adapter) -> evaluator.Predict:
        """Predictions in a scheme, by each way there is to come to it.

        The 68 of a network that speaks another scheme are "subset": as they lie on the
        head, which is not where annotators put them.
        """
        own = self.spec.scheme
        as_asked = scheme == own or (self.spec.any_place and scheme != IBUG68)
        if as_asked:
            direct = self._asked(weights, scheme)
            return lambda images: {"direct": direct(images).points}
        predict, subset = self._asked(weights), own.subset68
        apart = self.spec.any_place and subset is None
        nearest = self._asked(weights, IBUG68) if apart else None

        def predict_ways(images: jax.Array) -> Mapping[str, jax.Array]:
            said = predict(images)
            ways = {}
            if subset is not None:
                ways["subset"] = said.points[:, subset]
            elif nearest is not None:
                ways["subset"] = nearest(images).points
            if adapter is not None:
                ways["adapted"] = adaptation.apply(adapter, said.points)
            if said.transferred is not None:
                ways["transfer"] = said.transferred
            if not ways:
                raise UserError(
                    f"The network speaks '{self.spec.scheme.name}', which does not hold"
                    " the 68 iBug points; fit an adapter on labelled faces to measure"
                    " it."
                )
            return ways

        return predict_ways

    def _evaluate(self, predict, test, scheme, wrong, mean) -> evaluator.Evaluation:
        batches = self._batches(test.canvases, wrong)
        members = test.scheme.subset68
        if scheme != test.scheme and members is not None:
            batches = (
                b.replace(
                    points=b.points[:, members], visibility=b.visibility[:, members]
                )
                for b in batches
            )
        subset = scheme.subset68
        found = evaluator.evaluate(
            predict,
            batches,
            test_set=wrong.of(test.name),
            scheme=scheme.name,
            eyes=None if subset is None else nme.Eyes.of(subset),
            regions=scheme.regions,
            threshold=self.how.failure,
            mean=mean,
            keep=0 if wrong.name else self.how.drawn,
        )
        if not wrong.name:
            found.groups = groups.rows(
                found.faces,
                test.groups,
                test_set=test.name,
                points=scheme.count,
                scheme=scheme.name,
                threshold=self.how.failure,
            )
        return found


def _labelled(canvases: streams.Canvases) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Points and box of at most `MOST` faces, of all evenly; no picture is read."""
    source = canvases.source
    # Only those: a rendered face's labels are worked out together with others'.
    source = source.take(np.arange(0, len(source), max(1, -(-len(source) // MOST))))
    for index in range(len(source)):
        face = source.record(index)
        yield face.points, face.box


def _columns(told: list[tuple]) -> list[np.ndarray | None]:
    """What was told of each batch, by column, of the faces of all processes."""
    columns = zip(*told, strict=True)
    return [
        None if column[0] is None else hosts.in_order([np.asarray(x) for x in column])
        for column in columns
    ]


@functools.partial(jax.jit, static_argnames=("framing", "size"))
def _cut(batch: Batch, box: jax.Array, *, framing: points.Framing, size: int) -> Batch:
    """The faces as the network sees them, by these boxes."""
    faces = batch.replace(box=jnp.asarray(box, jnp.float32))
    return geometric.centre(faces, framing=framing, size=size)
