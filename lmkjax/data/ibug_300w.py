"""300-W as its makers hand it out: where its faces lie, and what photos they have."""

import glob
import pathlib

from lmkjax.errors import UserError
from lmkjax.images import reading
from lmkjax.landmarks import pts

# Where each split lies in the official folder, and how many faces it has there.
SPLITS = {
    "train": {"afw": 337, "helen/trainset": 2000, "lfpw/trainset": 811},
    "common": {"helen/testset": 330, "lfpw/testset": 224},
    "challenging": {"ibug": 135},
    "private": {"01_Indoor": 300, "02_Outdoor": 300},
}
PHOTOS = (".jpg", ".png", ".jpeg")


def find(folder: pathlib.Path) -> dict[str, dict[str, pathlib.Path]]:
    """The .pts files of a folder in 300-W's own layout, by split and name.

    Mirrored copies (`*_mirror.pts`) are left out. The private set may lie in
    `300W/01_Indoor` instead of `01_Indoor`.

    Args:
        folder: what holds afw, helen, lfpw, ibug, 01_Indoor and 02_Outdoor, or some.

    Returns:
        Split to name to file, in the order of the names; a split that is not there
        is empty.

    Raises:
        UserError: the folder has not one face in this layout.
    """
    faces = {split: {} for split in SPLITS}
    for split, parts in SPLITS.items():
        for part in parts:
            nested = folder / "300W" / part
            home = nested if nested.is_dir() else folder / part
            for file in sorted(home.glob("*.[pP][tT][sS]")):
                # ._x.pts: what macOS writes beside x.pts
                hidden = file.name.startswith("._") or not file.is_file()
                if not (hidden or pts.is_mirrored(file)):
                    faces[split][f"{part}/{file.stem}"] = file
    if not any(faces.values()):
        wanted = ", ".join(part for parts in SPLITS.values() for part in parts)
        raise UserError(
            f"{folder}: wanted 300-W in its own layout ({wanted}; some may be missing) "
            "with photos and .pts files; found no .pts file there."
        )
    return faces


def photo_of(file: pathlib.Path) -> pathlib.Path:
    """The photo beside a .pts file.

    Raises:
        UserError: there is none.
    """
    for ending in PHOTOS:  # as nearly all are called; to list a folder takes long
        if (photo := file.with_name(file.stem + ending)).is_file():
            return photo
    for ending in PHOTOS:
        any_case = "".join(f"[{c}{c.upper()}]" for c in ending[1:])
        stem = glob.escape(file.stem)
        for photo in sorted(file.parent.glob(f"{stem}.{any_case}")):
            if photo.is_file():
                return photo
    raise UserError(f"{file}: wanted a photo beside it ({', '.join(PHOTOS)}).")


def encoded(photo: pathlib.Path) -> bytes:
    """The photo as datasets keep it, see `reading.stored`.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return reading.stored(photo.read_bytes(), name=photo)
    except OSError as error:
        raise UserError(f"{photo}: cannot be read ({error.strerror}).") from None
