"""A trained network, asked for a scheme or for any places of the head."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from lmkjax.adapt import adaptation
from lmkjax.detect import inference, specs
from lmkjax.errors import UserError
from lmkjax.landmarks import schemes, vocabulary
from lmkjax.types import Places

IBUG68 = schemes.get("ibug68")
Query = schemes.Scheme | Places
"""Which points: a scheme's landmarks, or any places of the head."""
KEPT = 32
"""Queries whose answers' kernels a network keeps: those asked for last."""


class Answer(NamedTuple):
    """What a network says of images, in their pixels.

    Attributes:
        points: [b, k, 2].
        uncertainty: standard deviations along an axis [b, k].
        visibility: probabilities of `lmkjax.types`' states [b, k, 4], or None.
    """

    points: jax.Array
    uncertainty: jax.Array
    visibility: jax.Array | None = None


class Faces(NamedTuple):
    """What was found, one face per picture.

    Attributes:
        points: float32 [n, k, 2], pixels of the pictures, (0, 0) their outer corner.
        uncertainty: float32 [n, k], standard deviation, pixels of the pictures.
        boxes: float32 [n, 4], left, top, right, bottom: what the crops were cut by.
        visibility: float32 [n, k, 4], probabilities that a point is visible, hidden by
            the head itself, hidden by a thing, outside the crop; None of a network
            that has not learned it.
    """

    points: np.ndarray
    uncertainty: np.ndarray
    boxes: np.ndarray
    visibility: np.ndarray | None = None


class Face(NamedTuple):
    """A face that was found in a photo.

    Attributes:
        box: float32 [4], left, top, right, bottom, pixels of the photo, tight around
            the 68 iBug points.
        score: how sure it is that it is a face, 0 to 1; 1 where the box was given.
        points: float32 [k, 2], pixels of the photo, (0, 0) its outer corner.
        uncertainty: float32 [k], standard deviation, pixels of the photo.
        visibility: float32 [k, 4], see `Faces`, or None.
    """

    box: np.ndarray
    score: float
    points: np.ndarray
    uncertainty: np.ndarray
    visibility: np.ndarray | None


Predict = Callable[[jax.Array, Query], Answer]
"""Images [b, s, s, 3] in [0, 1], and which points, to what a network says of them."""


class Predictor:
    """A network with its weights, asked as `Predict` is.

    The 68 iBug points come through its label transfer; else through a label adapter;
    else they are asked for as they lie on the head. Whether they can be seen is what it
    says of those that lie on the head.
    """

    def __init__(
        self,
        spec: specs.Spec,
        weights: Any,
        adapter: adaptation.Adapter | None,
        *,
        flip: bool,
        views: int = 1,
    ):
        self._spec, self._weights, self._adapter = spec, weights, adapter
        self._flip, self._look = flip, inference.predictor(spec, views=views)
        self._asked: dict[Any, inference.Asked] = {}  # the latest last

    def __call__(self, images: jax.Array, query: Query) -> Answer:
        """What the network says; see `Predict`."""
        if query != IBUG68:
            return self._say(images, query)
        transfers = self._spec.transfer_features or self._spec.learned_places
        if self._adapter is None and not transfers:
            return self._say(images, IBUG68)
        said = self._seen(images, self._spec.scheme)
        if transfers:
            answer = Answer(said.transferred, said.transferred_spread)
            if said.visibility is None:
                return answer
            return answer._replace(visibility=self._direct(images, said).visibility)
        own = said.points
        own = own if isinstance(own, jax.core.Tracer) else np.asarray(own)
        direct, scale = self._direct(images, said), self._adapter.scale
        return direct._replace(
            points=adaptation.apply(self._adapter, own),
            uncertainty=direct.uncertainty * (1.0 if scale is None else scale[None]),
        )

    def _direct(self, images, said: inference.Prediction) -> Answer:
        """The 68 as they lie on the head, or those of what is said that lie nearest."""
        near = self._spec.scheme.subset68
        if self._spec.any_place or near is None:
            return self._say(images, IBUG68)
        return _part_of(said, near)  # which may be none of the 68 themselves

    def _say(self, images, query) -> Answer:
        own = self._spec.scheme
        if self._spec.any_place or query == own:
            said = self._seen(images, query)
            return Answer(said.points, said.spread, said.visibility)
        members, name = None, "places of one's own"
        if isinstance(query, schemes.Scheme):
            members, name = subset_of(query, own), f"'{query.name}'"
        if members is None:
            every = schemes.SCHEMES.values()
            near = {s.name for s in every if subset_of(s, own) is not None}
            raise UserError(
                f"The network speaks '{own.name}'; {name} is no part of it. It can"
                f" give: {sorted(near | {own.name})}."
            )
        return _part_of(self._seen(images, own), members)

    def _seen(self, images, query) -> inference.Prediction:
        key = query if isinstance(query, schemes.Scheme) else _content(query)
        asked = self._asked.pop(key, None)
        if asked is None:
            ask = inference.asker(self._spec, query, flip=self._flip)
            with jax.ensure_compile_time_eval():  # also where images are being traced
                asked = ask(self._weights)
        self._asked[key] = asked
        for old in list(self._asked)[:-KEPT]:
            self._asked.pop(old, None)
        return self._look(self._weights, asked, images)


def _part_of(said: inference.Prediction, members: np.ndarray) -> Answer:
    """Of what is said, that of some landmarks."""
    every = said.points, said.spread, said.visibility
    return Answer(*(x if x is None else x[:, members] for x in every))


def _content(places: Places) -> tuple:
    """What is equal of equal places, wherever they lie in memory."""
    parts = map(np.asarray, (places.xyz, places.part, places.share))
    return tuple((part.dtype.str, part.shape, part.tobytes()) for part in parts)


def subset_of(part: schemes.Scheme, whole: schemes.Scheme) -> np.ndarray | None:
    """Which points of `whole` are those of `part`; None if some are missing."""
    counts, found = dict(whole.curves), []
    for name, few in part.curves:
        many, curve = counts.get(name, 0), vocabulary.CURVES[name]
        gaps, cuts = (few, many) if curve.closed else (few - 1, many - 1)
        if curve.area and many != few:  # then none of them is where it was
            return None
        alike = [vocabulary.passes_knots(name, count) for count in (few, many)]
        if not many or cuts % gaps or alike[0] != alike[1]:
            return None
        found.append(whole.starts[name] + cuts // gaps * np.arange(few))
    if not set(part.points) <= set(whole.points):
        return None
    found += [np.array([whole.starts[name]]) for name, _ in part.points]
    return np.concatenate(found).astype(np.int32)
