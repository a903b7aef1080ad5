"""A video to a folder: a line of JSON for each picture, and a video with the points."""

import contextlib
import json
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lmkjax import files
from lmkjax.detect import overlays, photos
from lmkjax.video import films, tracking

LINES, OVERLAY = "frames.jsonl", "overlay.mp4"


class Outcome(NamedTuple):
    """What came of a video.

    Attributes:
        frames: pictures that were looked at.
        empty: of them, those without a face.
        faces: how many faces were told apart.
        faults: why not all of the video was looked at, a line each.
    """

    frames: int
    empty: int
    faces: int
    faults: list[str]


def annotate(
    film: films.Film,
    follow: Callable[..., list[tracking.Seen]],
    out: pathlib.Path,
    *,
    scheme: str,
    most: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, of: None,
) -> Outcome:
    """Writes `frames.jsonl` and `overlay.mp4` into a folder.

    What is done when a video breaks off, a disk is full or a person has had enough
    (Ctrl-C) stays, and the error goes on.

    Args:
        film: see `films.open_film`.
        follow: a `tracking.Tracker`.
        out: a new or empty folder, or one that this has written before.
        scheme: of the points.
        most: pictures to look at; None = all.
        progress: told how many pictures of how many are done.

    Raises:
        UserError: the video has no pictures, the folder holds other things, or
            another process writes into it.
    """
    out = pathlib.Path(os.path.abspath(out))
    files.refuse_strangers(out, ours=[LINES, OVERLAY])
    with files.growing(out, why=f"predicts into {out}") as new:
        new.mkdir(parents=True, exist_ok=True)
        job = _Job(new, scheme)
        count = min((n for n in (film.count, most) if n is not None), default=None)
        try:
            with job:
                for shot in film:
                    faces = follow(shot.image, shot.time_s)
                    job.add(shot, faces, film.rate or films.RATE)
                    progress(job.frames, count)
                    if job.frames == most:
                        break
        finally:
            if job.frames:
                files.take_place(new, out)
    return Outcome(job.frames, job.empty, len(job.numbers), film.faults)


class _Job(contextlib.ExitStack):
    """What is written of a video."""

    def __init__(self, folder: pathlib.Path, scheme: str):
        super().__init__()
        self.frames, self.empty, self.numbers = 0, 0, set()
        self._folder, self._scheme = folder, scheme
        self._stream = self.enter_context((folder / LINES).open("w"))
        self._overlay: films.Writer | None = None

    def add(
        self, shot: films.Shot, faces: Sequence[tracking.Seen], rate: float
    ) -> None:
        """Writes what is seen in a picture."""
        said = {"frame": self.frames, "time_s": round(shot.time_s, 6)}
        said |= {"scheme": self._scheme, "faces": [_told(face) for face in faces]}
        self._stream.write(json.dumps(said, allow_nan=False) + "\n")
        self._stream.flush()
        self.frames += 1
        self.empty += not faces
        self.numbers |= {face.number for face in faces}
        if self._overlay is None:
            path, size = self._folder / OVERLAY, shot.image.size
            self._overlay = self.enter_context(films.Writer(path, size, rate=rate))
        drawn = [(f.points, f.uncertainty, f.box, f.visibility) for f in faces]
        overlays.draw(shot.image, drawn)
        self._overlay.add(shot.image, shot.time_s)


def _told(face: tracking.Seen) -> dict[str, Any]:
    """What a line says of a face."""
    said = photos.told_of(face.points, face.uncertainty, face.box, face.visibility)
    return {"number": face.number} | said
