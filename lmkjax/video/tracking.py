"""Faces from picture to picture: each is read by the box that it had in the last one.

follow = tracking.Tracker(detector, search=detector.search, scheme="dense490")
for shot in films.open_film("clip.mp4"):
    for face in follow(shot.image, shot.time_s):
        print(face.number, face.points)
"""

from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

from lmkjax.detect import answers, detection
from lmkjax.detect.finder import looking, overlaps
from lmkjax.landmarks import points as plane
from lmkjax.video import one_euro

LOST = 0.065
"""The median uncertainty, in sides of the box, above which there is no face. On
rendered clips it is 0.01, at the worst 0.063; where no face is 0.04 to 0.19."""
JUMP = 0.25
"""How much the boxes of two pictures must be one (IoU) to be of one face."""
SAME = 0.5
"""How much two boxes of one picture are one if they are of one face."""
AGAIN_S = 0.5
"""Seconds until faces are searched for again, any way up, though none is lost. Where
there are none, or one is lost, each picture between is searched as it is."""


class Search(Protocol):
    """A picture to the faces in it, such as `detection.Detector.search`."""

    def __call__(self, photo: Image.Image, *, upright: bool = False) -> looking.Found:
        """Where `upright`, those alone that stand more or less upright."""


class Seen(NamedTuple):
    """A face in one picture.

    Attributes:
        number: of the face, the same as long as it is not lost; from 1.
        box: left, top, right, bottom around its 68 iBug points, pixels.
        points: [k, 2], pixels, smoothed if that is wanted.
        uncertainty: [k], standard deviation, pixels.
        visibility: [k, 4], or None; see `detection.Faces`.
        raw: [k, 2], the points as the network says them.
    """

    number: int
    box: np.ndarray
    points: np.ndarray
    uncertainty: np.ndarray
    visibility: np.ndarray | None
    raw: np.ndarray


class _Track:
    """A face that is followed."""

    def __init__(self, box: np.ndarray):
        self.number, self.box = 0, box  # a number is given once it is seen
        self.smooth = one_euro.OneEuro()


class Tracker:
    """Follows faces through the pictures of a video, one call for each."""

    def __init__(
        self,
        detector: detection.Detector,
        *,
        scheme: str | None = None,
        smooth: bool = True,
        search: Search | None = None,
    ):
        """A tracker that has seen nothing.

        Args:
            detector: finds points by boxes.
            scheme: of the points, or the path of its YAML file; None = the network's
                own.
            smooth: whether points go through a One-Euro filter.
            search: finds faces where none is known, as `detector.search` does; None =
                a picture is one face.
        """
        self._find, self._scheme = detector.find, scheme or detector.scheme
        self._subset = detector.scheme_of(self._scheme).subset68
        self._smooth, self._search = smooth, search
        self._tracks: list[_Track] = []
        self._count, self._next_s = 0, 0.0

    def prepare(self, size: tuple[int, int]) -> None:
        """Compiles what looking at pictures of a size takes; nothing is followed yet.

        Args:
            size: width and height, pixels.
        """
        empty = Image.new("RGB", size)
        if self._search is not None:
            for part in (1, 2):  # beside faces that are found it looks at half of it
                self._search(empty.resize([max(side // part, 1) for side in size]))
        for count in (1, 2):  # one face is seen by itself, more are as a batch
            found = self._find([empty] * count, scheme=self._scheme)
            self._tight(found, [empty] * count, found.boxes)

    def __call__(self, image: Image.Image, time_s: float) -> list[Seen]:
        """The faces of a picture, in the order of their numbers.

        Args:
            image: RGB.
            time_s: when it is seen, seconds; later than the picture before.
        """
        had = len(self._tracks)
        seen = self._read(image, time_s)
        many = self._search is not None and time_s >= self._next_s
        if len(seen) < had or not seen or many:
            self._begin(self._boxes(image, upright=not many))
            self._next_s = time_s + AGAIN_S if many else self._next_s
            seen += self._read(image, time_s, first=len(seen))
        return seen

    def _boxes(self, image: Image.Image, *, upright: bool) -> np.ndarray:
        """Of all the faces that can be found without knowing of any."""
        if self._search is not None:
            return self._search(image, upright=upright).boxes
        return np.array([]) if self._tracks else self._find([image]).boxes

    def _begin(self, boxes: np.ndarray) -> None:
        """Follows the faces in boxes that are not followed yet."""
        for box in boxes:
            if all(overlaps.alike(box, track.box) < SAME for track in self._tracks):
                self._tracks.append(_Track(np.asarray(box)))

    def _read(self, image: Image.Image, time_s: float, first: int = 0) -> list[Seen]:
        """What is found by the boxes of tracks from a number on; lost ones go."""
        seen, kept = [], self._tracks[:first]
        tracks = self._tracks[first:]
        if tracks:
            boxes = np.stack([track.box for track in tracks])
            images = [image] * len(tracks)
            found = self._find(images, boxes, scheme=self._scheme)
            tight = self._tight(found, images, boxes)
            for i, (track, box) in enumerate(zip(tracks, tight, strict=True)):
                doubt = np.median(found.uncertainty[i]) / _side(box)
                alike = overlaps.alike(box, track.box)
                twice = any(overlaps.alike(box, own.box) > SAME for own in kept)
                # Not: doubt > LOST, which is false of what is not a number.
                if twice or not (doubt < LOST and alike > JUMP):
                    continue
                if not track.number:
                    self._count += 1
                    track.number = self._count
                track.box = box
                kept.append(track)
                seen.append(self._seen(track, found, i, time_s))
        self._tracks = kept
        return seen

    def _tight(self, found, images, boxes) -> np.ndarray:
        """The boxes around the 68 points, asked for where others were found."""
        subset, points = self._subset, found.points
        if subset is None:
            points = self._find(images, boxes, scheme=answers.IBUG68.name).points
            subset = slice(None)
        return plane.box(points[:, subset])

    def _seen(self, track, found, i, time_s) -> Seen:
        raw, doubt = found.points[i], found.uncertainty[i]
        points = raw
        if self._smooth:
            points = track.smooth(raw, doubt, side=_side(track.box), time_s=time_s)
        known = None if found.visibility is None else found.visibility[i]
        return Seen(track.number, track.box, points, doubt, known, raw)


def _side(box: np.ndarray) -> float:
    return float(max(box[2] - box[0], box[3] - box[1], 1e-6))
