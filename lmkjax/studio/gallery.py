"""Rendered faces as files: pictures, their points, a contact sheet; and how fast."""

import json
import pathlib
import re
import sys
import time
from collections.abc import Callable, Collection
from typing import Any

import jax
import numpy as np
from PIL import Image, ImageDraw

from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.face import composition, drawing
from lmkjax.face.optics import sensor
from lmkjax.face.paint import backdrop
from lmkjax.face.priors import options, sample
from lmkjax.face.shape import marks
from lmkjax.landmarks import schemes
from lmkjax.studio import sheets
from lmkjax.types import faces_of

COLOURS = {
    marks.VISIBLE: (0, 255, 0),
    marks.BEHIND_HEAD: (255, 60, 60),
    marks.BEHIND_OBJECT: (255, 200, 0),
    marks.OUTSIDE: (80, 80, 255),
}
POINTS, SHEET, CLIP = "points.json", "sheet.png", "clip.mp4"
FPS = "frames_per_second"
"""What `points.json` says if its faces are those of a clip."""
FACE = r"[0-9]{6,}\.png"
"""What a face's picture is called, as a pattern."""
SEEDS = 2**32
"""So many seeds there are: JAX takes no more of a number than 32 bits."""


def keys(seed: int, first: int, count: int) -> jax.Array:
    """The keys of faces `first`, `first` + 1, ... of the set with this seed."""
    # Numbers of NumPy: those of test faces do not fit into an int32.
    return faces_of(seed, np.arange(first, first + count).astype(np.uint32))


def write(
    out: pathlib.Path,
    scheme: schemes.Scheme,
    *,
    count: int,
    size: int,
    seed: int,
    priors: options.Priors = options.PRIORS,
    backgrounds: backdrop.Pictures | None = None,
    sheet: bool = False,
    batch: int = 16,
) -> list[pathlib.Path]:
    """Writes pictures, `points.json` and, if asked, `sheet.png`: all of it or nothing.

    Args:
        out: the folder; it is made. The faces of an earlier call go, whatever their
            number was; other files stay.
        scheme: which landmarks.
        count: how many faces, at least 1.
        size: side of a picture, pixels, at least 16.
        seed: of the set; face i is the same whatever `count` is.
        priors: how faces are spread.
        backgrounds: see `backdrop.load`; None = invented ones.
        sheet: also write the contact sheet, points drawn.
        batch: faces drawn in one call.

    Returns:
        The files.

    Raises:
        UserError: a number that makes no sense, priors by which a face is not finite,
            or a folder that cannot be written or holds files of these names which an
            earlier call did not write.
    """
    check(count=count, size=size, seed=seed)
    batch = min(count, batch)

    def draw(first: int) -> tuple[drawing.Rendering, jax.Array]:
        params = sample.many(keys(seed, first, batch), priors)
        faces = drawing.draw(params, scheme, size=size, backgrounds=backgrounds)
        return faces, params.camera.yaw_rad

    told = {"scheme": scheme.name, "seed": seed}
    return write_drawn(out, draw, told, count=count, sheet=sheet)


def write_drawn(
    out: pathlib.Path,
    draw: Callable[[int], tuple[drawing.Rendering, jax.Array]],
    told: dict[str, Any],
    *,
    count: int,
    sheet: bool = False,
) -> list[pathlib.Path]:
    """As `write`, of faces that another has drawn.

    Args:
        out: the folder.
        draw: a face's number to the renderings from it on, some of them or more than
            are left, and how far each looks to the picture's right, radians.
        told: what `points.json` says of all of them.
        count: how many faces.
        sheet: also write the contact sheet.
    """
    names = [_name(number) for number in range(count)]
    old = earlier(out, [*names, *[SHEET] * sheet, *[CLIP] * (FPS in told)])
    with files.together(out, instead_of=old, key=POINTS) as (scratch, written):
        _fill(scratch, draw, told, count, sheet)
    return written


def write_sheet(
    out: pathlib.Path,
    element: str,
    *,
    size: int,
    seed: int,
    backgrounds: backdrop.Pictures | None = None,
) -> list[pathlib.Path]:
    """Writes `sheet_ELEMENT.png`, on which nothing but one element varies.

    Args:
        out: the folder; it is made, and a file of the same name is replaced.
        element: one of `sheets.ELEMENTS`.
        size: side of a picture, pixels, at least 16.
        seed: of the faces.
        backgrounds: see `backdrop.load`; None = invented ones.

    Returns:
        The file.

    Raises:
        UserError: no such element, size or seed, or a folder that cannot be written.
    """
    check(count=1, size=size, seed=seed)
    picture = sheets.draw(element, size=size, seed=seed, backgrounds=backgrounds)
    with files.together(out) as (scratch, written):
        picture.save(scratch / f"sheet_{element}.png")
    return written


def earlier(out: pathlib.Path, names: Collection[str]) -> set[str]:
    """The files in a folder that an earlier call of `write` left there.

    Args:
        out: the folder; it may be missing.
        names: of files that are to be written, but for `points.json`.

    Raises:
        UserError: a file of such a name, or `points.json`, is another's.
    """
    own, found = set(), out / POINTS
    if found.exists():
        try:
            content = json.loads(found.read_text())
        except (OSError, ValueError):
            content = None
        if isinstance(content, dict) and {"scheme", "seed", "faces"} <= content.keys():
            drawn = {name for name in content["faces"] if re.fullmatch(FACE, name)}
            own = {POINTS, SHEET, *drawn, *([CLIP] if FPS in content else [])}
    for name in [POINTS, *names]:
        if (out / name).exists() and name not in own:
            raise UserError(
                f"'{out}' already holds '{name}', which an earlier render did not"
                " write, or not to its end. Choose another folder, or take it away."
            )
    return own


def _name(number: int) -> str:
    return f"{number:06d}.png"


def check(*, count: int, size: int, seed: int) -> None:
    """Refuses a number of faces, a size of pictures or a seed that makes no sense.

    Raises:
        UserError: fewer than one face, a size that is not 16 to 1024 pixels, or a seed
            that is below 0 or 2**32 and more, whose faces would be another seed's.
    """
    if count < 1:
        raise UserError(f"Wanted at least 1 face; got --count {count}.")
    if not 16 <= size <= 1024:
        raise UserError(f"Wanted a size from 16 to 1024 pixels; got --size {size}.")
    if not 0 <= seed < SEEDS:
        raise UserError(f"Wanted a seed from 0 to {SEEDS - 1}; got --seed {seed}.")


def _fill(folder, draw, told, count, sheet):
    labels, tiles = {}, []
    while len(labels) < count:
        first = len(labels)
        faces, yaw_rad = draw(first)
        for i in range(min(len(yaw_rad), count - first)):
            face = jax.tree.map(lambda a, i=i: np.asarray(a[i]), faces)
            name = _name(first + i)
            if not (np.isfinite(face.image).all() and np.isfinite(face.points).all()):
                raise UserError(
                    f"{name} has numbers that are not finite: a value of --priors is"
                    " too large. Bring it nearer to what is usual."
                )
            image = Image.fromarray(np.uint8(face.image * 255 + 0.5))
            image.save(folder / name)
            labels[name] = {
                "points": np.round(face.points, 3).tolist(),
                "visibility": face.visibility.tolist(),
                "box": np.round(face.box, 3).tolist(),
                "yaw_deg": round(float(np.rad2deg(yaw_rad[i])), 2),
            }
            tiles.append(mark(image, face.points, face.visibility) if sheet else None)
    text = told | {
        "visibility": "0 visible, 1 behind the head, 2 behind an object, 3 outside",
        "faces": labels,
    }
    (folder / POINTS).write_text(json.dumps(text))
    if sheet:
        contact(tiles).save(folder / SHEET)


def mark(image: Image.Image, points: np.ndarray, visibility: np.ndarray) -> Image.Image:
    """The picture, twice as large, with its points; the colour tells what hides one."""
    double = image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(double)
    for (x, y), state in zip(points * 2, visibility, strict=True):
        pen.ellipse((x - 1.5, y - 1.5, x + 0.5, y + 0.5), fill=COLOURS[int(state)])
    return double


def contact(tiles: list[Image.Image], *, columns: int = 8) -> Image.Image:
    """Pictures of one size, side by side."""
    columns = min(columns, len(tiles))
    wide, high = tiles[0].size
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * wide, rows * high))
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % columns * wide, i // columns * high))
    return sheet


def benchmark(scheme: schemes.Scheme, *, size: int, seed: int, count: int) -> dict:
    """How fast faces are drawn, whole and by stage, once compiled.

    Args:
        scheme: which landmarks.
        size: side of a picture, pixels.
        seed: of the faces drawn.
        count: faces timed.

    Returns:
        Faces per second, seconds to compile, milliseconds per face and stage, peak
        memory of the process in MiB.
    """
    import resource  # Unix alone has it

    check(count=count, size=size, seed=seed)
    drawn = keys(seed, 0, count)
    whole, compiled = _time(
        lambda k: drawing.faces(k, scheme, size=size), drawn, count=count
    )
    stages = {}
    params, stages["sample"] = _stage(sample.sample, count, drawn)
    shape, stages["geometry"] = _stage(
        lambda p: drawing.geometry(p, scheme, size=size), count, params
    )
    _, stages["raster"] = _stage(
        lambda g: composition.see_head(g, size=size), count, shape
    )
    layers, stages["layers"] = _stage(
        lambda p, g: composition.compose(p, g, size=size), count, params, shape
    )
    stages["layers"] -= stages["raster"]
    _, stages["sensor"] = _stage(
        lambda c, p: sensor.develop(c, p.sensor), count, layers.colour, params
    )
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {
        "faces_per_second": round(1000 / whole, 1),
        "size": size,
        "scheme": scheme.name,
        "faces": count,
        "compile_s": round(compiled, 1),
        "ms_per_face": {name: round(ms, 2) for name, ms in stages.items()},
        "peak_memory_mib": round(peak / 2**20),
        "device": jax.devices()[0].device_kind,
    }


def _stage(draw, count, *inputs):
    """What one stage makes of each face, and its milliseconds per face."""
    mapped = jax.jit(lambda *a: jax.lax.map(lambda x: draw(*x), a))
    ms, _ = _time(mapped, *inputs, count=count)
    return mapped(*inputs), ms


def _time(call, *inputs, count):
    """Milliseconds per face at best, and the seconds of the first call."""
    begin = time.perf_counter()
    jax.block_until_ready(call(*inputs))
    first = time.perf_counter() - begin
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        jax.block_until_ready(call(*inputs))
        best = min(best, time.perf_counter() - begin)
    return best / count * 1000, first - best
