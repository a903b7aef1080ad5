"""A checkpoint and a picture to points: the library's face for others.

detector = detection.Detector.from_checkpoint("runs/daln")
points, uncertainty = detector([photo], [[left, top, right, bottom]])
"""

import hashlib
import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from lmkjax.adapt import adaptation
from lmkjax.data import crop
from lmkjax.detect import inference, inputs
from lmkjax.errors import UserError
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.training import averaged

IBUG68 = "ibug68"
WEIGHTS = pathlib.Path(__file__).parent / "weights"
Predict = Callable[[jax.Array], Mapping[str, tuple[jax.Array, jax.Array]]]
"""Images [b, s, s, 3] in [0, 1] to {scheme: (points, standard deviations)}, pixels."""


class Faces(NamedTuple):
    """What was found, one face per picture.

    Attributes:
        points: float32 [n, k, 2], pixels of the pictures, (0, 0) their outer corner.
        uncertainty: float32 [n, k], standard deviation, pixels of the pictures.
        boxes: float32 [n, 4], left, top, right, bottom: what the crops were cut by.
    """

    points: np.ndarray
    uncertainty: np.ndarray
    boxes: np.ndarray


class Detector:
    """Finds the landmarks of faces in pictures of any size.

    Attributes:
        scheme: name of the network's own scheme.
        batch: faces that the network looks at together.
    """

    def __init__(
        self,
        predict: Predict,
        *,
        scheme: str | schemes.Scheme,
        input_px: int,
        framing: plane.Framing,
        batch: int = 16,
        rounds: int = 2,
    ):
        """A detector around a function.

        Args:
            predict: see `Predict`; it answers in `scheme`, and in others if it can.
            scheme: the network's own, or its name.
            input_px: side of the images it wants.
            framing: how a crop lies around the face's box.
            batch: faces to look at together.
            rounds: where no box is given, how often the first guess at the whole
                picture is mended: each time the box of the points found so far is
                cut out and looked at again.
        """
        self._own = schemes.get(scheme) if isinstance(scheme, str) else scheme
        self.scheme, self.batch = self._own.name, batch
        self._predict, self._rounds = predict, rounds
        self._input_px, self._framing = input_px, framing

    @classmethod
    def from_checkpoint(
        cls,
        workdir: str | pathlib.Path,
        *,
        flip: bool = False,
        batch: int = 16,
        best: bool = False,
    ) -> "Detector":
        """The detector of a trained run, with its averaged weights.

        The 68 iBug points come through the run's label transfer; else through its
        label adapter; else they are the nearest of the network's own points.

        Args:
            workdir: the run's folder.
            flip: average with the mirrored picture; twice the work.
            batch: faces to look at together.
            best: the weights that did best on the run's validation faces, not the
                last ones.

        Raises:
            UserError: the folder holds no trained run.
        """
        workdir = pathlib.Path(workdir)
        spec = inference.Spec.load(workdir)
        weights = averaged.load(workdir, best=best)
        look = inference.predictor(spec, flip=flip)
        file = workdir / adaptation.FILE
        adapter = adaptation.load(file) if file.is_file() else None
        subset = spec.scheme.subset68

        def predict(images):
            said = look(weights, images)
            ways = {}
            if said.transferred is not None:
                ways[IBUG68] = said.transferred, said.transferred_spread
            elif adapter is not None and subset is not None:
                adapted = adaptation.apply(adapter, np.asarray(said.points))
                ways[IBUG68] = adapted, said.spread[:, subset]
            return ways | {spec.scheme.name: (said.points, said.spread)}

        return cls(
            predict,
            scheme=spec.scheme,
            input_px=spec.input_px,
            framing=spec.framing,
            batch=batch,
        )

    def __call__(
        self,
        images: Sequence[np.ndarray | Image.Image],
        boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
        *,
        scheme: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points and their uncertainty; see `find`."""
        return self.find(images, boxes, scheme=scheme)[:2]

    def find(
        self,
        images: Sequence[np.ndarray | Image.Image],
        boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
        *,
        scheme: str | None = None,
    ) -> Faces:
        """One face in each picture.

        Args:
            images: RGB, uint8 [h, w, 3], or PIL of any mode, turned here as its EXIF
                says; each of its own size. A picture of several faces is given once
                for each. OpenCV's arrays are BGR, which cannot be seen from here:
                give image[..., ::-1].
            boxes: [left, top, right, bottom] of each face, pixels of its picture,
                tight around the 68 iBug points as in training. None = each picture
                is one face; see `rounds`.
            scheme: of the points wanted; None = the network's own.

        Returns:
            Points, uncertainty and boxes in pixels of the pictures; without
            pictures, arrays of length 0.

        Raises:
            UserError: the network cannot speak the scheme, a box has no size or is
                not finite, or there is another number of boxes than of pictures.
        """
        pictures = [inputs.picture(image) for image in images]
        wanted = scheme or self.scheme
        pick = self._picker(wanted)
        if boxes is not None:
            if len(boxes) != len(pictures):
                raise UserError(
                    f"Wanted a box for each of {len(pictures)} pictures; got"
                    f" {len(boxes)}."
                )
            return self._look(pictures, inputs.four(boxes), pick)
        boxes = [crop.whole(p.size, framing=self._framing) for p in pictures]
        boxes = np.array(boxes, np.float32).reshape(-1, 4)
        for _ in range(self._rounds):
            found = self._look(pictures, boxes, self._box_picker())
            boxes = _tight(found.points, boxes)
        return self._look(pictures, boxes, pick)

    def scheme_of(self, name: str) -> schemes.Scheme:
        """A scheme by its name, which may be that of the network's own.

        Raises:
            UserError: no scheme has that name.
        """
        return self._own if name == self.scheme else schemes.get(name)

    def _picker(self, wanted: str) -> Callable:
        """What takes the wanted scheme out of all that the network says."""
        members = subset_of(self.scheme_of(wanted), self._own)

        def pick(said):
            if wanted in said:
                return said[wanted]
            if members is None:
                near = [n for n in schemes.SCHEMES if self._speaks(n)]
                raise UserError(
                    f"The network speaks '{self.scheme}'; '{wanted}' is no part of it."
                    f" It can give: {sorted({*near, *said})}."
                )
            points, spread = said[self.scheme]
            return points[:, members], spread[:, members]

        return pick

    def _box_picker(self) -> Callable:
        """What takes out the points that a face's box is drawn around."""
        return self._picker(IBUG68 if self._speaks(IBUG68) else self.scheme)

    def _speaks(self, scheme: str) -> bool:
        return subset_of(schemes.get(scheme), self._own) is not None

    def _look(
        self, pictures: list[Image.Image], boxes: np.ndarray, pick: Callable
    ) -> Faces:
        """Cuts every face by its box, asks the network, and maps back."""
        size, framing = self._input_px, self._framing
        crops = [
            crop.cut(picture, box, framing=framing, size=size)
            for picture, box in zip(pictures, boxes, strict=True)
        ]
        points, spreads = [], []
        for images, real in _batches(crops, self.batch, size):
            found, spread = pick(self._predict(images))
            points += list(np.asarray(found)[:real])
            spreads += list(np.asarray(spread)[:real])
        if not crops:  # ask all the same: it tells the shapes, and refuses
            found, spread = pick(self._predict(jnp.zeros((1, size, size, 3))))
            return Faces(np.asarray(found)[:0], np.asarray(spread)[:0], boxes)
        sides = [crop.square(box, framing=framing)[1] for box in boxes]
        back = [
            crop.back(face, box, framing=framing, size=size)
            for face, box in zip(points, boxes, strict=True)
        ]
        scale = np.array(sides, np.float32)[:, None] / size
        return Faces(np.stack(back), np.stack(spreads) * scale, boxes)


def shipped(scheme: str | None = None) -> pathlib.Path:
    """The folder of the weights that come with lmkjax, made from renders alone.

    Args:
        scheme: of the points wanted: "ibug68" has a network of its own; all others,
            and None, are asked of the one that speaks dense490.
    """
    return WEIGHTS / (IBUG68 if scheme == IBUG68 else "dense490")


def identity(workdir: pathlib.Path) -> str:
    """What changes when the files do that `Detector.from_checkpoint` reads."""
    kept = [f for f in workdir.rglob("*") if f.is_file()]
    kept = [
        f
        for f in kept
        if f.name in (inference.FILE, adaptation.FILE)
        or f.suffix == ".npz"
        or "checkpoints" in f.relative_to(workdir).parts
    ]
    told = [
        [f.relative_to(workdir).as_posix(), f.stat().st_size, f.stat().st_mtime_ns]
        for f in sorted(kept)
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def subset_of(part: schemes.Scheme, whole: schemes.Scheme) -> np.ndarray | None:
    """Which points of `whole` are those of `part`; None if some are missing."""
    counts, found = dict(whole.curves), []
    for name, few in part.curves:
        many, curve = counts.get(name, 0), schemes.CURVES[name]
        gaps, cuts = (few, many) if curve.closed else (few - 1, many - 1)
        if curve.area and many != few:  # then none of them is where it was
            return None
        alike = schemes.passes_knots(name, few) == schemes.passes_knots(name, many)
        if not many or cuts % gaps or not alike:
            return None
        found.append(whole.starts[name] + cuts // gaps * np.arange(few))
    return np.concatenate(found).astype(np.int32)


def _batches(
    crops: list[np.ndarray], batch: int, size: int
) -> Iterable[tuple[jax.Array, int]]:
    """Crops as float batches of one size, and how many of each are real."""
    batch = batch if len(crops) > 1 else 1  # one face need not wait for a batch
    for first in range(0, len(crops), batch):
        part = crops[first : first + batch]
        images = np.zeros((batch, size, size, 3), np.float32)
        images[: len(part)] = np.stack(part) / np.float32(255)
        yield jnp.asarray(images), len(part)


def _tight(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The boxes around points; the old ones where points make none to go on with."""
    new = np.concatenate([points.min(1), points.max(1)], -1)
    side, old = ((b[:, 2:] - b[:, :2]).max(-1) for b in (new, boxes))
    good = np.isfinite(new).all(-1) & (side > old / 20) & (side < old * 2)
    return np.where(good[:, None], new, boxes)
