"""A photo to its faces and their points: the library's face for others.

detector = detection.Detector()
for face in detector(photo):
    print(face.box, face.points)
found = detector.find([photo], [[left, top, right, bottom]], scheme="dense1001")
"""

import functools
import numbers
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lmkjax.adapt import adaptation
from lmkjax.data import crop
from lmkjax.detect import answers, inference, inputs
from lmkjax.detect.finder import looking
from lmkjax.errors import UserError
from lmkjax.landmarks import places as head_places
from lmkjax.landmarks import points as plane
from lmkjax.landmarks import schemes
from lmkjax.types import Places

if TYPE_CHECKING:
    from lmkjax.fitting import fits

IBUG68 = answers.IBUG68
Finder = Callable[[Image.Image], looking.Found]


Face, Faces = answers.Face, answers.Faces
Photo = np.ndarray | Image.Image
Wanted = str | os.PathLike | answers.Query | np.ndarray | None
"""Which points: see `Detector.find`."""


class Detector:
    """Finds faces in photos of any size, and their landmarks.

    Attributes:
        scheme: name of what is asked for where a call names no scheme.
        batch: faces that the network looks at together.
        finder: a photo (PIL, RGB) to the boxes and scores of its faces; see
            `finder.looking.Finder`.
    """

    def __init__(
        self,
        workdir: str | pathlib.Path | None = None,
        *,
        scheme: str | pathlib.Path | schemes.Scheme | None = None,
        flip: bool = False,
        views: int = 1,
        batch: int = 16,
        best: bool = False,
        finder: Finder | None = None,
    ):
        """The detector of a trained run, with its averaged weights.

        A network of any place answers in every scheme. The 68 iBug points come
        through the run's label transfer; else through its label adapter; else they
        are asked for as they lie on the head.

        Args:
            workdir: the run's folder; None = the weights that come with lmkjax.
            scheme: what is asked for where a call names nothing else: a scheme, its
                name or its YAML file; None = the network's own.
            flip: average with the mirrored picture; twice the work.
            views: looks at each face, each turned and sized a little otherwise, 1 to 8;
                the means are taken, so many times the work.
            batch: faces to look at together.
            best: the weights that did best on the run's validation faces, not the
                last ones.
            finder: what finds faces; None = the network that comes with lmkjax.

        Raises:
            UserError: the folder holds no trained run, or weights of another network;
                there is no such scheme; a batch below 1; a finder that is none.
        """
        workdir = shipped() if workdir is None else pathlib.Path(workdir)
        spec, weights = inference.load(workdir, best=best)
        file = workdir / adaptation.FILE
        adapter = adaptation.load(file) if file.is_file() else None
        speaks = spec.any_place or answers.subset_of(IBUG68, spec.scheme) is not None
        self._set(
            answers.Predictor(spec, weights, adapter, flip=flip, views=views),
            scheme=spec.scheme if scheme is None else scheme,
            input_px=spec.input_px,
            framing=spec.framing,
            batch=batch,
            around=IBUG68 if speaks else spec.scheme,
            finder=finder,
        )

    @classmethod
    def from_checkpoint(cls, workdir: str | pathlib.Path, **options) -> "Detector":
        """As `Detector(workdir, **options)`."""
        return cls(workdir, **options)

    @classmethod
    def around(cls, predict: answers.Predict, **known) -> "Detector":
        """A detector around a function.

        Args:
            predict: see `answers.Predict`; it refuses what it cannot say.
            **known: scheme: what it is asked for where nothing else is wanted, or its
                name. input_px: side of the images it wants. framing: how a crop lies
                around the face's box. batch, finder: as of a run. rounds: where
                `find` is given no box, how often the first guess at the whole picture
                is mended: each time the box of the points found so far is cut out
                and looked at again. around: the scheme whose points a face's box is
                drawn around; None = `scheme`.
        """
        new = cls.__new__(cls)
        new._set(predict, **known)
        return new

    def _set(
        self,
        predict: answers.Predict,
        *,
        scheme: str | pathlib.Path | schemes.Scheme,
        input_px: int,
        framing: plane.Framing,
        batch: int = 16,
        rounds: int = 2,
        around: schemes.Scheme | None = None,
        finder: Finder | None = None,
    ) -> None:
        """What `around` tells of."""
        whole = isinstance(batch, numbers.Integral) and not isinstance(batch, bool)
        if not whole or batch < 1:
            raise UserError(f"Wanted a batch of 1 face or more; got {batch!r}.")
        if finder is not None and not callable(finder):
            raise UserError(
                f"Wanted what finds a photo's faces as a function; got {finder!r:.80}."
                " By name: lmkjax.detect.finder.others.choose('yunet')."
            )
        known = isinstance(scheme, schemes.Scheme)
        self._own = scheme if known else schemes.get(str(scheme))
        self.scheme, self.batch = self._own.name, batch
        self._predict, self._rounds = predict, rounds
        self._framing, self._around = framing, around or self._own
        self._crops = answers.Crops(predict, input_px, framing, batch, self._around)
        if finder is not None:
            self.finder = finder

    @functools.cached_property
    def finder(self) -> Finder:
        """What finds faces; loaded when it is asked for."""
        return looking.Finder()

    def __call__(
        self,
        photos: Photo | Sequence[Photo],
        boxes: Sequence | np.ndarray | None = None,
        *,
        scheme: Wanted = None,
    ) -> list[Face] | list[list[Face]]:
        """The faces of a photo, the surest first, or of each of many photos.

        Args:
            photos: one or several, see `find`.
            boxes: of a photo's faces, [[left, top, right, bottom], ...]; of several
                photos a list of such lists. None = they are found.
            scheme: which points, see `find`.

        Returns:
            A list of faces; of several photos a list of such lists. A photo without a
            face has an empty one.

        Raises:
            UserError: as `find`.
        """
        if isinstance(photos, Image.Image | np.ndarray):
            given = None if boxes is None else [boxes]
            return self([photos], given, scheme=scheme)[0]
        pictures = inputs.pictures(photos)
        if boxes is None:
            found = [self.search(picture)[:2] for picture in pictures]
        elif len(boxes) != len(pictures):
            raise UserError(
                f"Wanted a list of boxes for each of {len(pictures)} photos; got"
                f" {len(boxes)}."
            )
        else:
            found = [(own, np.ones(len(own))) for own in map(inputs.four, boxes)]
        several = [p for p, own in zip(pictures, found, strict=True) for _ in own[0]]
        every = [box for own in found for box in own[0]]
        # Without a face it is asked all the same: it refuses what it cannot say.
        said = self.find(several, every, scheme=scheme)
        seen = said.visibility if said.visibility is not None else [None] * len(every)
        scores = [float(score) for own in found for score in own[1]]
        faces = zip(
            said.boxes, scores, said.points, said.uncertainty, seen, strict=True
        )
        faces = iter([Face(*face) for face in faces])
        return [[next(faces) for _ in own[0]] for own in found]

    def search(self, photo: Photo, *, upright: bool = False) -> looking.Found:
        """The boxes of a photo's faces, as `finder` finds them and points mend them.

        The photo is looked at turned by quarters too: a face may lie beside others.

        Args:
            photo: one, see `find`.
            upright: look at it as it is alone, in a half to a quarter of the time.
        """

        def found_in(photo, known, least):
            def look(boxes):
                return self._crops.look([photo] * len(boxes), boxes, self._around)[:2]

            found = looking.beside(self.finder(photo), known, least)
            return looking.mend(found, look)

        picture = inputs.picture(photo)
        if upright:
            return found_in(picture, np.zeros((0, 4)), 0)
        return looking.any_way_up(picture, found_in)

    def find(
        self,
        images: Sequence[Photo],
        boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
        *,
        scheme: Wanted = None,
    ) -> Faces:
        """One face in each picture, all of them as arrays.

        A face of which the network is not sure is looked at turned by quarters too,
        and is as it is seen the surest: upside down it is found as well.

        Args:
            images: RGB, uint8 [h, w, 3], or PIL of any mode, turned here as its EXIF
                says; each of its own size. A picture of several faces is given once
                for each. OpenCV's arrays are BGR, which cannot be seen from here:
                give image[..., ::-1].
            boxes: [left, top, right, bottom] of each face, pixels of its picture,
                tight around the 68 iBug points as in training. None = each picture
                is one face, more or less filling it: two looks find its box, the
                first at the whole picture; a third, by the box, its points.
            scheme: which points: a scheme, its name, the path of its YAML file, or
                places of the mean head: as an array [k, 3], cm (x to the subject's
                left, y up, z to the viewer), they lie on the skin. None = the
                network's own scheme.

        Returns:
            Points, uncertainty, boxes and visibility in pixels of the pictures;
            without pictures, arrays of length 0.

        Raises:
            UserError: the network cannot speak the scheme, a box has no width or no
                height or is not finite, there is another number of boxes than of
                pictures, or the pictures are no list.
        """
        pictures = inputs.pictures(images)
        query = self._query(scheme)
        if boxes is not None:
            if len(boxes) != len(pictures):
                raise UserError(
                    f"Wanted a box for each of {len(pictures)} pictures; got"
                    f" {len(boxes)}."
                )
            return self._crops.any_way_up(pictures, inputs.four(boxes), query)
        boxes = [crop.whole(p.size, framing=self._framing) for p in pictures]
        boxes = np.array(boxes, np.float32).reshape(-1, 4)
        for _ in range(self._rounds):
            found = self._crops.any_way_up(pictures, boxes, self._around)
            boxes = inputs.tight(found.points, boxes)
        return self._crops.any_way_up(pictures, boxes, query)

    def fit(
        self,
        images: Sequence[np.ndarray | Image.Image],
        boxes: Sequence[Sequence[float]] | np.ndarray | None = None,
        *,
        scheme: str | os.PathLike | schemes.Scheme = "dense490",
    ) -> "fits.Heads":
        """The head of the face in each picture: pose, gaze, expression, 3D points.

        Wants the extra `fit`. Points that are there already go to `fits.fit`.

        Args:
            images: as of `find`.
            boxes: as of `find`.
            scheme: the points that it is fitted to.
        """
        from lmkjax.fitting import fits  # JAX's least squares are an extra

        known = isinstance(scheme, schemes.Scheme)
        own = scheme if known else self.scheme_of(scheme)
        found = self.find(images, boxes, scheme=own)
        return fits.fit(
            found.points, found.uncertainty, own, visibility=found.visibility
        )

    def scheme_of(self, name: str | os.PathLike) -> schemes.Scheme:
        """A scheme by its name, which may be that of the network's own, or its file.

        Raises:
            UserError: no scheme has that name.
        """
        name = os.fspath(name)
        return self._own if name == self.scheme else schemes.get(name)

    def _query(self, scheme: Wanted) -> answers.Query:
        """What is asked for, as an object."""
        if scheme is None:
            return self._own
        if isinstance(scheme, str | os.PathLike):
            return self.scheme_of(scheme)
        if isinstance(scheme, schemes.Scheme | Places):
            return scheme
        return head_places.on_skin(scheme)


def shipped() -> pathlib.Path:
    """The folder of the network that comes with lmkjax, for any scheme.

    Its weights were made from renders alone.
    """
    return pathlib.Path(__file__).parent / "weights" / "landmarks"
