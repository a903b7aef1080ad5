"""Picture files: found in folders, and read as one sees them."""

import pathlib
from collections.abc import Sequence

from PIL import Image, ImageOps, UnidentifiedImageError

from lmkjax.errors import UserError

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def find(
    paths: Sequence[str | pathlib.Path], *, apart: str | pathlib.Path = ""
) -> dict[str, pathlib.Path]:
    """Photos by name: a file's own name, or its path inside the folder given.

    Args:
        paths: files, or folders that are searched with their sub-folders.
        apart: a folder to leave out: where results are written.

    Raises:
        UserError: a path is missing, a folder has no photo, or two have one name.
    """
    found: dict[str, pathlib.Path] = {}
    skip = pathlib.Path(apart).resolve() if apart else None
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            files = [f for f in sorted(path.rglob("*")) if f.suffix.lower() in ENDINGS]
            files = [f for f in files if skip not in f.resolve().parents]
            own = {f.relative_to(path).as_posix(): f for f in files}
        elif path.is_file():
            own = {path.name: path}
        else:
            raise UserError(f"Wanted photos or a folder of them; no '{path}' is there.")
        if not own:
            raise UserError(f"Wanted photos ({' '.join(ENDINGS)}) in '{path}'; none.")
        for name in own.keys() & found.keys():
            if own[name].resolve() != found[name].resolve():
                raise UserError(
                    f"'{found[name]}' and '{own[name]}' have one name, '{name}'; give"
                    " the folder above them, or predict them apart."
                )
        found |= own
    return found


def read(path: str | pathlib.Path) -> Image.Image:
    """A photo as one sees it: RGB, turned as its EXIF says.

    Raises:
        UserError: it is missing, no image, damaged or too large to be one.
    """
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except UnidentifiedImageError:
        reason = "this is no image, or of a kind unknown here"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = str(error)
    raise UserError(
        f"{path}: wanted a photo that can be read; {reason}. Take it out or save it as"
        " PNG or JPEG."
    )
