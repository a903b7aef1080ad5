"""Picture files in folders: which there are, and what was passed over."""

import collections
import contextlib
import os
import pathlib
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from PIL import Image, features

from lmkjax import files
from lmkjax.errors import UserError

ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff")
ENDINGS += (".gif", ".ppm", ".pgm")
OTHERS = {
    "`pip install pillow-heif` reads them": (".heic", ".heif", ".hif"),
    "a newer Pillow reads them": (".avif",),
    "export them as JPEG or TIFF": (
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".raw"),
        *(".psd", ".xcf", ".svg", ".eps", ".ai", ".jxl", ".jp2", ".exr", ".hdr"),
    ),
    "save their pages as PNG": (".pdf",),
    "take their frames out, with ffmpeg": (
        *(".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"),
    ),
    "unpack them": (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"),
}
"""What to do with kinds of pictures that are not read here."""
_APPLE_DOUBLE = b"\x00\x05\x16\x07"


class Found(NamedTuple):
    """What `find` found.

    Attributes:
        photos: by name: a file's own name, or its path inside the folder given.
        notes: a line for each thing that was passed over, and why.
    """

    photos: dict[str, pathlib.Path]
    notes: list[str]


def find(
    paths: Sequence[str | pathlib.Path], *, apart: str | pathlib.Path = ""
) -> Found:
    """The photos of files and folders, sub-folders and links to such included.

    Args:
        paths: files, which are taken whatever they are called, or folders.
        apart: a folder to leave out: where results are written.

    Raises:
        UserError: a path is missing, a folder has no photo, or two have one name.
    """
    endings, skip = _endings(), pathlib.Path(apart).resolve() if apart else None
    photos: dict[str, pathlib.Path] = {}
    passed = _Passed()
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            own = {
                file.relative_to(path).as_posix(): file
                for file in sorted(walk(path, skip=skip, closed=passed.note))
                if _is_photo(file, endings, passed)
            }
        elif path.exists():
            own = {path.name: path}
        else:
            raise UserError(f"Wanted photos or a folder of them; no '{path}' is there.")
        if not own:
            notes = "".join(f" {note}" for note in passed.lines())
            raise UserError(
                f"Wanted photos ({' '.join(sorted(endings))}) in '{path}'; none."
                + notes
            )
        for name in own.keys() & photos.keys():
            if own[name].resolve() != photos[name].resolve():
                raise UserError(
                    f"'{photos[name]}' and '{own[name]}' have one name, '{name}'; give"
                    " the folder above them, or predict them apart."
                )
        photos |= own
    return Found(photos, passed.lines())


class _Passed:
    """What was passed over."""

    def __init__(self):
        self.endings: collections.Counter[str] = collections.Counter()
        self.doubles = 0
        self.closed: list[str] = []

    def note(self, error: OSError) -> None:
        """Takes note of a folder that cannot be opened."""
        self.closed.append(f"'{error.filename}' ({error.strerror})")

    def lines(self) -> list[str]:
        """A line for each kind of thing."""
        lines = []
        if self.endings:
            kinds = ", ".join(f"{n} {end}" for end, n in self.endings.most_common(9))
            ways = [
                f"{' '.join(own)}: {way}"
                for way, all_ in OTHERS.items()
                if (own := [end for end in all_ if end in self.endings])
            ]
            lines.append(
                f"Passed over {self.endings.total()} files of kinds that are not read:"
                f" {kinds}{', ...' if len(self.endings) > 9 else ''}."
                + "".join(f" {way}." for way in ways)
            )
        if self.doubles:
            lines.append(
                f"Passed over {self.doubles} files '._*': macOS's notes on other files,"
                " no pictures."
            )
        if self.closed:
            lines.append(
                f"Passed over {len(self.closed)} folders that cannot be opened; the"
                f" first is {self.closed[0]}."
            )
        return lines


def _endings() -> set[str]:
    """Endings of what is read here, in lower case."""
    endings = set(ENDINGS)
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
        endings |= {".heic", ".heif", ".hif"}
    Image.init()
    return endings | ({".avif"} if features.check("avif") else set())


def walk(
    folder: pathlib.Path,
    *,
    skip: pathlib.Path | None = None,
    closed: Callable[[OSError], None] | None = None,
) -> Iterator[pathlib.Path]:
    """Yields all files below a folder, through links too; one that leads back up ends.

    Args:
        folder: where to begin.
        skip: a folder to leave out, with unfinished results beside it; resolved.
        closed: told of each folder that cannot be opened; None = they are refused.

    Raises:
        UserError: a folder cannot be opened.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be opened ({error.strerror}).")

    closed, been = closed or refuse, set()
    for top, folders, names in os.walk(folder, followlinks=True, onerror=closed):
        real = os.path.realpath(top)
        hidden = skip is not None and (
            real == str(skip)
            or os.path.basename(real).startswith(f".{skip.name}.")
            and os.path.dirname(real) == str(skip.parent)
        )
        if real in been or hidden:
            folders.clear()
            continue
        been.add(real)
        yield from (pathlib.Path(top, name) for name in names)


def _is_photo(file: pathlib.Path, endings: set[str], passed: _Passed) -> bool:
    """Whether a file is to be read; what is passed over is noted."""
    if file.name.lower() in files.SYSTEM:
        return False
    if file.name.startswith("._") and _begins(file, _APPLE_DOUBLE):
        passed.doubles += 1
        return False
    if file.suffix.lower() in endings and not _is_pipe(file):
        return True
    passed.endings[file.suffix.lower() or "without ending"] += 1
    return False


def _begins(file: pathlib.Path, magic: bytes) -> bool:
    """Whether a file begins so; also if it cannot be opened."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(magic)) == magic
    except OSError:
        return True


def _is_pipe(file: pathlib.Path) -> bool:
    """Whether reading it might never end; a link to nowhere is no pipe."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode)
