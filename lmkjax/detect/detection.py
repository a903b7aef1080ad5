"""A checkpoint and a picture to points: the library's face for others.

detector = detection.Detector.from_checkpoint("runs/daln")
points, uncertainty = detector([photo], [[left, top, right, bottom]])
points, uncertainty = detector([photo], scheme="dense1001")
"""

import hashlib
import json
import pathlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from lmkjax.adapt import adaptation
from lmkjax.data import crop
from lmkjax.detect import answers, inference, inputs, specs
from lmkjax.errors import UserError
from lmkjax.landmarks import places as head_places
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import Places

if TYPE_CHECKING:
    from lmkjax.fitting import fits

IBUG68 = answers.IBUG68
WEIGHTS = pathlib.Path(__file__).parent / "weights"


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


class Detector:
    """Finds the landmarks of faces in pictures of any size.

    Attributes:
        scheme: name of the network's own scheme.
        batch: faces that the network looks at together.
    """

    def __init__(
        self,
        predict: answers.Predict,
        *,
        scheme: str | schemes.Scheme,
        input_px: int,
        framing: plane.Framing,
        batch: int = 16,
        rounds: int = 2,
        around: schemes.Scheme | None = None,
    ):
        """A detector around a function.

        Args:
            predict: see `answers.Predict`; it refuses what it cannot say.
            scheme: what it is asked for where nothing else is wanted, or its name.
            input_px: side of the images it wants.
            framing: how a crop lies around the face's box.
            batch: faces to look at together.
            rounds: where no box is given, how often the first guess at the whole
                picture is mended: each time the box of the points found so far is
                cut out and looked at again.
            around: the scheme whose points a face's box is drawn around; None =
                `scheme`.
        """
        self._own = schemes.get(scheme) if isinstance(scheme, str) else scheme
        self.scheme, self.batch = self._own.name, batch
        self._predict, self._rounds = predict, rounds
        self._input_px, self._framing = input_px, framing
        self._around = around or self._own

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

        A network of any place answers in every scheme. The 68 iBug points come
        through the run's label transfer; else through its label adapter; else they
        are asked for as they lie on the head.

        Args:
            workdir: the run's folder.
            flip: average with the mirrored picture; twice the work.
            batch: faces to look at together.
            best: the weights that did best on the run's validation faces, not the
                last ones.

        Raises:
            UserError: the folder holds no trained run, or weights of another network.
        """
        workdir = pathlib.Path(workdir)
        spec, weights = inference.load(workdir, best=best)
        file = workdir / adaptation.FILE
        adapter = adaptation.load(file) if file.is_file() else None
        speaks = spec.any_place or answers.subset_of(IBUG68, spec.scheme) is not None
        return cls(
            answers.Speaker(spec, weights, adapter, flip=flip),
            scheme=spec.scheme,
            input_px=spec.input_px,
            framing=spec.framing,
            batch=batch,
            around=IBUG68 if speaks else spec.scheme,
        )

    def __call__(
        self,
        images: Sequence[np.ndarray | Image.Image],
        boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
        *,
        scheme: str | answers.Wanted | np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points and their uncertainty; see `find`."""
        return self.find(images, boxes, scheme=scheme)[:2]

    def find(
        self,
        images: Sequence[np.ndarray | Image.Image],
        boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
        *,
        scheme: str | answers.Wanted | np.ndarray | None = None,
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
            scheme: which points: a scheme, its name, the path of its YAML file, or
                places of the mean head: as an array [k, 3], cm (x to the subject's
                left, y up, z to the viewer), they lie on the skin. None = the
                network's own scheme.

        Returns:
            Points, uncertainty, boxes and visibility in pixels of the pictures;
            without pictures, arrays of length 0.

        Raises:
            UserError: the network cannot speak the scheme, a box has no size or is
                not finite, or there is another number of boxes than of pictures.
        """
        pictures = [inputs.picture(image) for image in images]
        wanted = self._wanted(scheme)
        if boxes is not None:
            if len(boxes) != len(pictures):
                raise UserError(
                    f"Wanted a box for each of {len(pictures)} pictures; got"
                    f" {len(boxes)}."
                )
            return self._look(pictures, inputs.four(boxes), wanted)
        boxes = [crop.whole(p.size, framing=self._framing) for p in pictures]
        boxes = np.array(boxes, np.float32).reshape(-1, 4)
        for _ in range(self._rounds):
            found = self._look(pictures, boxes, self._around)
            boxes = _tight(found.points, boxes)
        return self._look(pictures, boxes, wanted)

    def fit(
        self,
        images: Sequence[np.ndarray | Image.Image],
        boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
        *,
        scheme: str | schemes.Scheme = "dense490",
    ) -> "fits.Heads":
        """The head of the face in each picture: pose, gaze, expression, 3D points.

        Wants the extra `fit`. Points that are there already go to `fits.fit`.

        Args:
            images: as of `find`.
            boxes: as of `find`.
            scheme: the points that it is fitted to.
        """
        from lmkjax.fitting import fits  # JAX's least squares are an extra

        own = self.scheme_of(scheme) if isinstance(scheme, str) else scheme
        found = self.find(images, boxes, scheme=own)
        return fits.fit(
            found.points, found.uncertainty, own, visibility=found.visibility
        )

    def scheme_of(self, name: str) -> schemes.Scheme:
        """A scheme by its name, which may be that of the network's own.

        Raises:
            UserError: no scheme has that name.
        """
        return self._own if name == self.scheme else schemes.get(name)

    def _wanted(self, scheme) -> answers.Wanted:
        """What is asked for, as an object."""
        if scheme is None:
            return self._own
        if isinstance(scheme, str):
            return self.scheme_of(scheme)
        if isinstance(scheme, schemes.Scheme | Places):
            return scheme
        return head_places.on_skin(scheme)

    def _look(
        self, pictures: list[Image.Image], boxes: np.ndarray, wanted: answers.Wanted
    ) -> Faces:
        """Cuts every face by its box, asks the network, and maps back."""
        size, framing = self._input_px, self._framing
        crops = [
            crop.cut(picture, box, framing=framing, size=size)
            for picture, box in zip(pictures, boxes, strict=True)
        ]
        # Without pictures it is asked all the same: it tells the shapes, and refuses.
        batches = list(_batches(crops, self.batch, size)) or [
            (jnp.zeros((1, size, size, 3)), 0)
        ]
        said = [
            [None if part is None else np.asarray(part)[:real] for part in answer]
            for images, real in batches
            for answer in [self._predict(images, wanted)]
        ]
        points, spread, visibility = (
            None if parts[0] is None else np.concatenate(parts)
            for parts in zip(*said, strict=True)
        )
        if not crops:
            return Faces(points, spread, boxes, visibility)
        sides = [crop.square(box, framing=framing)[1] for box in boxes]
        back = [
            crop.back(face, box, framing=framing, size=size)
            for face, box in zip(points, boxes, strict=True)
        ]
        scale = np.array(sides, np.float32)[:, None] / size
        return Faces(np.stack(back), spread * scale, boxes, visibility)


def shipped(scheme: str | None = None) -> pathlib.Path:
    """The folder of the weights that come with lmkjax, made from renders alone.

    Args:
        scheme: of the points wanted: "ibug68" has a network of its own; all others,
            and None, are asked of the one that speaks dense490.
    """
    return WEIGHTS / (scheme if scheme == IBUG68.name else "dense490")


def identity(workdir: pathlib.Path) -> str:
    """What changes when the files do that `Detector.from_checkpoint` reads."""
    kept = [f for f in workdir.rglob("*") if f.is_file()]
    kept = [
        f
        for f in kept
        if f.name in (specs.FILE, adaptation.FILE)
        or f.suffix == ".npz"
        or "checkpoints" in f.relative_to(workdir).parts
    ]
    told = [
        [f.relative_to(workdir).as_posix(), f.stat().st_size, f.stat().st_mtime_ns]
        for f in sorted(kept)
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


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
