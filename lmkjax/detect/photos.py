"""Photos and their boxes to a folder of points and overlays, one photo at a time."""

import contextlib
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from lmkjax import files
from lmkjax.detect import box_files, journal, overlays
from lmkjax.detect.finder import overlaps
from lmkjax.errors import UserError
from lmkjax.images import reading
from lmkjax.landmarks import points as plane

CONVENTION = (
    "pixels of the photo as it is seen (turned as its EXIF says); (0, 0) is its outer"
    " corner, the first pixel's centre is (0.5, 0.5); uncertainty is a standard"
    " deviation in the same pixels; a box is left, top, right, bottom; visibility,"
    " where it is there, holds the probabilities that a point is visible, hidden by the"
    " head itself, hidden by a thing, outside the crop"
)
POINTS, OVERLAYS = "points.json", "overlays"
HEADS = ("heads.json", "heads")
"""What `afterwards` may write beside them: fitted heads."""
AT_ONCE = 128_000_000
"""Pixels of the photos that are in memory together; a single one may have more."""
FITS, LOOSE = 0.85, 0.5
"""Overlap of a box with that of the face found in it (intersection over union): of
right boxes it is above the first; below the other, box and face are two things."""


class Outcome(NamedTuple):
    """What came of a job.

    Attributes:
        done: how many photos have points.
        before: how many of them an earlier job had done that was broken off.
        faults: why the others have none, by name.
        loose: photos whose given box is not that of the face found in it.
        empty: photos in which no face was found.
        notes: a line for each photo of which faces were left out.
    """

    done: int
    before: int
    faults: dict[str, str]
    loose: list[str]
    empty: list[str]
    notes: list[str]


class _Photo(NamedTuple):
    """A photo in memory, its boxes, what changes when its results would, and notes."""

    name: str
    key: str
    image: Image.Image
    boxes: np.ndarray | None
    scores: np.ndarray | None
    notes: list[str]


def annotate(
    find_faces: Callable[..., Any],
    photos: Mapping[str, pathlib.Path],
    out: str | pathlib.Path,
    *,
    boxes: box_files.Boxes | None = None,
    finder: Callable[[Image.Image], Any] | None = None,
    scheme: str,
    subset: np.ndarray | None = None,
    asked: Any = None,
    together: int = 16,
    progress: Callable[[int, int], None] = lambda done, of: None,
    afterwards: Callable[[pathlib.Path, Iterator], None] = lambda new, entries: None,
) -> Outcome:
    """Writes `points.json` and a picture with points for each photo into a folder.

    It grows in a hidden folder beside `out`, where the next call goes on if this one
    is broken off; `out` changes at the end, all at once. A photo that cannot be read,
    or whose box is none, costs itself: `points.json` says {"error": why} of it.

    Args:
        find_faces: `Detector.find`.
        photos: by name; see `finding.find`.
        out: a new or empty folder, or one that this has written before.
        boxes: see `box_files.read`; None = `finder` finds the faces.
        finder: a photo to boxes and scores, see `finder.looking.Finder`; without it
            and without boxes each photo is one face.
        scheme: of the points.
        subset: which of the points are the 68 of iBug, around which boxes are drawn;
            None = boxes and points are not compared.
        asked: what JSON can hold: whatever else changes all points, the weights and
            the scheme's lines first; a job that asks for something else does not go
            on from this one.
        together: faces to look for together.
        progress: told how many photos of how many are done.
        afterwards: called at the end with the folder, before it takes its place, and
            with each photo's name and what `points.json` says of it.

    Raises:
        UserError: no photo at all has points, the folder holds other things, or
            another process writes into it.
    """
    out = pathlib.Path(os.path.abspath(out))
    refuse(out)
    with contextlib.ExitStack() as stack:
        part = files.growing(out, why=f"predicts into {out}", keep=_begun)
        new = stack.enter_context(part)
        head = {"scheme": scheme, "asked": asked}
        log = journal.Journal(new.with_name("journal.jsonl"), head)
        stack.callback(log.close)
        job = _Job(find_faces, photos, new, boxes, scheme, log)
        job.subset, job.finder = subset, None if boxes else finder
        before = job.before()
        for done in job.run(together):
            progress(done, len(photos))
        job.write_points()
        afterwards(new, job.entries())
        files.take_place(new, out)
    done = len(photos) - len(job.faults)
    return Outcome(done, before, job.faults, job.loose, job.empty, job.notes)


def refuse(out: pathlib.Path) -> None:
    """Refuses a folder that `annotate` could not write.

    Raises:
        UserError: it is a file, the folder one is in, or holds other things.
    """
    files.refuse_strangers(out, ours=[POINTS, OVERLAYS, *HEADS])


class _Job:
    """One call of `annotate`."""

    def __init__(self, find_faces, photos, folder, boxes, scheme, log):
        self._find, self._photos, self._folder = find_faces, photos, folder
        self._scheme, self._log, self._boxes = scheme, log, boxes
        self._pictures = overlays.file_names(photos)
        self.subset: np.ndarray | None = None
        self.faults: dict[str, str] = dict(boxes.faults) if boxes else {}
        self.finder: Callable[[Image.Image], Any] | None = None
        self.loose, self.empty, self.notes = [], [], []
        (folder / OVERLAYS).mkdir(parents=True, exist_ok=True)

    def before(self) -> int:
        """How many photos are done already."""
        return sum(self._is_done(n, self._key(n)) for n in self._photos)

    def run(self, together: int) -> Iterator[int]:
        """Does what is left; yields how many photos are done or given up."""
        count = self.before()
        start = count
        for group in self._groups(together):
            found = self._faces(group)
            if self._boxes is not None and self._boxes.form is None and count == start:
                self._refuse_another_form(group, found)
            for photo, faces in zip(group, found, strict=True):
                self._keep(photo, faces)
            count += sum(photo.name not in self.faults for photo in group)
            yield count + len(self.faults)

    def write_points(self) -> None:
        """Writes `points.json`, in the order of the photos, and gathers what is told.

        Raises:
            UserError: no photo has points.
        """
        if len(self.faults) == len(self._photos):
            name, why = next(iter(self.faults.items()))
            raise UserError(
                f"None of {len(self._photos)} photos has points; the first is"
                f" '{name}': {why.removesuffix('.')}."
            )
        with (self._folder / POINTS).open("w", encoding="utf-8") as stream:
            for number, name in enumerate(self._photos):
                said = {"error": self.faults.get(name)}
                if name not in self.faults:
                    said, known = self._log.content(name)
                    self.empty += [name] * (said.get("faces") == [])
                    self.loose += [name] * known["loose"]
                    self.notes += known["notes"]
                stream.write(",\n" if number else "{")
                stream.write(f"{json.dumps(name)}: {json.dumps(said)}")
            stream.write("}\n")
        wanted = {self._pictures[n] for n in self._photos if n not in self.faults}
        for picture in (self._folder / OVERLAYS).iterdir():
            if picture.name not in wanted:  # of a job that asked for something else
                picture.unlink()

    def entries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each photo that has points, with what is said of it."""
        for name in self._photos:
            if name not in self.faults:
                yield name, self._log.content(name)[0]

    def _groups(self, together: int) -> Iterator[list[_Photo]]:
        """Photos that are left, as many at a time as memory and network like."""
        group, faces, pixels = [], 0, 0
        for name, path in self._photos.items():
            key = self._key(name)
            if name in self.faults or self._is_done(name, key):
                continue
            boxes = self._boxes.boxes[name] if self._boxes else None
            try:
                image = reading.read(path)
            except UserError as error:
                self.faults[name] = str(error)
                continue
            bad = [box_files.misfit(b, image.size) for b in _list(boxes)]
            if self.finder is None and max(image.size) < box_files.LEAST:
                bad = [f"it has fewer than {box_files.LEAST} pixels a side"]
            scores, notes = None, []
            if self.finder is not None:
                boxes, scores, notes = self._found(name, image)
            if any(bad):
                self.faults[name] = next(filter(None, bad))
                continue
            size = image.width * image.height
            if group and (faces >= together or pixels + size > AT_ONCE):
                yield group
                group, faces, pixels = [], 0, 0
            group.append(_Photo(name, key, image, boxes, scores, notes))
            faces += 1 if boxes is None else len(boxes)
            pixels += size
        if group:
            yield group

    def _found(
        self, name: str, image: Image.Image
    ) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """The boxes and scores of the faces that the finder finds; what is told."""
        boxes, scores, more = self.finder(image)[:3]
        told = f"{name}: the surest {len(boxes)} of {len(boxes) + more} faces are kept"
        return boxes, scores, [told] * bool(more)

    def _faces(self, group: list[_Photo]) -> list[list[tuple]]:
        """Of each photo's faces points, uncertainty, box and, if known, visibility."""
        images = [p.image for p in group for _ in range(_count(p.boxes))]
        boxes = [box for photo in group for box in _list(photo.boxes)]
        boxes = None if group[0].boxes is None else boxes
        said = self._find(images, boxes, scheme=self._scheme)
        found = zip(*(part for part in said if part is not None), strict=True)
        return [[next(found) for _ in range(_count(p.boxes))] for p in group]

    def _refuse_another_form(self, group: list[_Photo], faces: list[list]) -> None:
        """Refuses boxes whose faces fit far better if they are read the other way."""
        fit = np.median([self._worst(own) for own in faces])
        other = [
            photo._replace(boxes=np.concatenate([b[:, :2], b[:, :2] + b[:, 2:]], 1))
            for photo in group
            if (b := photo.boxes) is not None
        ]
        inside = [
            (p.boxes[:, 2:] <= np.array(p.image.size) + 1).all() and p.boxes.min() >= -1
            for p in other
        ]
        if fit > FITS or not (other and all(inside)):
            return
        better = np.median([self._worst(own) for own in self._faces(other)])
        if better > max(FITS, fit + 0.1):
            raise UserError(
                "Wanted boxes as left, top, right, bottom; the faces found fit them"
                f" better (overlap {better:.2f} instead of {fit:.2f}) as left, top,"
                " width, height. Then --box-format xywh; else --box-format corners."
            )

    def _worst(self, faces: list[tuple]) -> float:
        """The smallest overlap of a photo's faces with the boxes they were cut by."""
        if self.subset is None:  # nobody knows how its points fill a box
            return 1.0
        pairs = [(plane.box(np.asarray(f[0])[self.subset]), f[2]) for f in faces]
        return min(overlaps.alike(own, np.asarray(box)) for own, box in pairs)

    def _keep(self, photo: _Photo, faces: list[tuple]) -> None:
        """Draws a photo's faces and notes them, with what a person is told of them."""
        if not all(np.isfinite(n).all() for face in faces for n in face[:2]):
            self.faults[photo.name] = (
                "the network's points are not finite: its training has failed, or the"
                " photo is none"
            )
            return
        loose = self._boxes is not None and self._worst(faces) < LOOSE
        picture = self._pictures[photo.name]
        overlays.write(self._folder / OVERLAYS / picture, photo.image, faces)
        entry: dict[str, Any] = {"scheme": self._scheme, "convention": CONVENTION}
        scores = [None] * len(faces) if photo.scores is None else photo.scores
        said = [told_of(*f, score=s) for f, s in zip(faces, scores, strict=True)]
        listed = self._boxes is not None and photo.name in self._boxes.several
        several = (listed and len(said) > 1) or photo.scores is not None
        entry = ({"faces": said} if several else said[0]) | entry
        entry["overlay"] = f"{OVERLAYS}/{picture}"
        known = {"loose": loose, "notes": photo.notes}
        self._log.add(photo.name, photo.key, [entry, known])

    def _key(self, name: str) -> str:
        """What changes when a photo's results would."""
        boxes = None
        if self._boxes is not None and name in self._boxes.boxes:
            boxes = self._boxes.boxes[name].tolist()
        try:
            told = self._photos[name].stat()
            state = [told.st_size, told.st_mtime_ns]
        except OSError:
            state = []
        return json.dumps([state, boxes, self._pictures[name]])

    def _is_done(self, name: str, key: str) -> bool:
        picture = self._folder / OVERLAYS / self._pictures[name]
        return (
            name not in self.faults and self._log.has(name, key) and picture.is_file()
        )


def _count(boxes: np.ndarray | None) -> int:
    return 1 if boxes is None else len(boxes)


def _list(boxes: np.ndarray | None) -> list[np.ndarray]:
    return [] if boxes is None else list(boxes)


def told_of(points, uncertainty, box, visibility=None, *, score=None) -> dict[str, Any]:
    """What `points.json` says of a face.

    Args:
        points: [k, 2].
        uncertainty: [k].
        box: left, top, right, bottom.
        visibility: [k, 4], or None.
        score: how surely it is a face, 0 to 1; None of a box that was given.
    """
    said = {} if score is None else {"score": score}
    said |= {"box": box, "points": points, "uncertainty": uncertainty}
    said |= {} if visibility is None else {"visibility": visibility}
    return {name: np.asarray(x, float).round(3).tolist() for name, x in said.items()}


def _begun(new: pathlib.Path) -> bool:
    """Whether a folder of results holds some."""
    pictures = new / OVERLAYS
    return pictures.is_dir() and any(pictures.iterdir())
