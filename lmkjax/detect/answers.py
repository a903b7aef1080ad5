"""A trained network, asked for a scheme or for any places of the head."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from lmkjax.adapt import adaptation
from lmkjax.data import crop
from lmkjax.detect import inference, inputs, specs
from lmkjax.detect.finder import looking
from lmkjax.errors import UserError
from lmkjax.images import quarters
from lmkjax.landmarks import points as plane
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


class Crops(NamedTuple):
    """How faces are cut out of photos, and what they are shown to.

    Attributes:
        predict: says what is in the crops.
        size: side of a crop, pixels.
        framing: how a crop lies around the face's box.
        batch: crops that are shown together.
        around: the scheme whose points a face's box is drawn around.
    """

    predict: Predict
    size: int
    framing: plane.Framing
    batch: int
    around: schemes.Scheme

    def look(
        self,
        pictures: list[Image.Image],
        boxes: np.ndarray,
        query: Query,
        turns: Sequence[int] | None = None,
    ) -> Faces:
        """Cuts every face by its box, asks the network, and maps back.

        Args:
            pictures: RGB, one for each face.
            boxes: float32 [n, 4].
            query: which points.
            turns: by how many quarters each is turned before it is looked at,
                counterclockwise; None = by none.
        """
        turns = [0] * len(boxes) if turns is None else turns
        known = {"framing": self.framing, "size": self.size}
        places = [
            crop.turned(box, turn, framing=self.framing)
            for box, turn in zip(boxes, turns, strict=True)
        ]
        crops = [
            np.rot90(crop.cut(picture, place, **known), turn)
            for picture, place, turn in zip(pictures, places, turns, strict=True)
        ]
        # Without pictures it is asked all the same: it tells the shapes, and refuses.
        batches = list(inputs.batches(crops, self.batch, self.size)) or [
            (jnp.zeros((1, self.size, self.size, 3)), 0)
        ]
        said = [
            [None if part is None else np.asarray(part)[:real] for part in answer]
            for images, real in batches
            for answer in [self.predict(images, query)]
        ]
        points, spread, visibility = (
            None if parts[0] is None else np.concatenate(parts)
            for parts in zip(*said, strict=True)
        )
        if not crops:
            return Faces(points, spread, boxes, visibility)
        sides = [crop.square(place, framing=self.framing)[1] for place in places]
        back = [
            crop.back(quarters.back(face, (self.size,) * 2, turn), place, **known)
            for face, place, turn in zip(points, places, turns, strict=True)
        ]
        scale = np.array(sides, np.float32)[:, None] / self.size
        return Faces(np.stack(back), spread * scale, boxes, visibility)

    def any_way_up(
        self, pictures: list[Image.Image], boxes: np.ndarray, query: Query
    ) -> Faces:
        """As `look`; a face in doubt is looked at turned by quarters as well.

        The turn counts in which the points of `around` are in least doubt, if they are
        in none. Only a network that has learned what can be seen has also learned how
        sure it is: of others the faces are as they are.
        """
        said = self.look(pictures, boxes, query)
        unsure = np.flatnonzero(
            looking.doubt(said.uncertainty, boxes) > looking.IN_DOUBT
        )
        if said.visibility is None or not len(unsure):
            return said
        some, own = [pictures[i] for i in unsure], boxes[unsure]
        looks = [
            self.look(some, own, self.around, [turns] * len(some))
            for turns in quarters.TURNS
        ]
        doubts = np.stack([looking.doubt(seen.uncertainty, own) for seen in looks])
        sure = (doubts[0] > looking.IN_DOUBT) & (doubts.min(0) < looking.IN_DOUBT)
        turns = np.where(sure, doubts.argmin(0), 0)
        if not turns.any():
            return said
        seen = self.look(some, own, query, turns)
        for part, new in zip(said, seen, strict=True):
            part[unsure] = new
        return said


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
