"""What the finder's network should say of a scene; scenes and that, made once."""

import concurrent.futures
import functools
import multiprocessing
import pathlib
import sys
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from lmkjax import files
from lmkjax.data import workers
from lmkjax.detect.finder import heads, scenes
from lmkjax.errors import UserError
from lmkjax.models import face_finder
from lmkjax.types import host_seed

SMALLEST, LARGEST = 14.0, 46.0
"""Sides (the square root of the box's area, pixels) of faces that are to be found; of
the others, up to `NONE`, nothing is asked."""
NONE = 68.0
"""A larger one is no face: it is found in a smaller copy of the photo."""
TOGETHER = 128
"""Scenes that a process makes before it takes others."""
NOTE = "scenes.txt"


class Target(NamedTuple):
    """The answer wanted of each cell [y, x].

    Attributes:
        near: see `losses.centres.focal`; likewise the next.
        asked: where an answer is judged.
        boxes: [y, x, 4], of the cell's face.
        weight: of the box.
    """

    near: np.ndarray
    asked: np.ndarray
    boxes: np.ndarray
    weight: np.ndarray


class Bank(NamedTuple):
    """Scenes, and what should be said of them; read from their files when asked for.

    Attributes:
        images: uint8 [n, size, size, 3].
        target: of each [n, ...].
    """

    images: np.ndarray
    target: Target

    def of(self, numbers: np.ndarray) -> tuple[np.ndarray, Target]:
        """The scenes of these numbers, and their targets."""
        own = Target(*(part[numbers] for part in self.target))
        return self.images[numbers], own


def of(scene: scenes.Scene) -> Target:
    """The target of a scene."""
    rows, columns = (side // face_finder.STRIDE for side in scene.image.shape[:2])
    y, x = np.mgrid[:rows, :columns] * face_finder.STRIDE + face_finder.STRIDE / 2
    near, asked = np.zeros((rows, columns)), np.ones((rows, columns))
    boxes, weight = np.zeros((rows, columns, 4)), np.zeros((rows, columns))
    own = np.zeros((rows, columns), bool)
    for box, wanted in zip(scene.boxes, scene.wanted, strict=True):
        wide, high = box[2:] - box[:2]
        side = np.sqrt(wide * high)
        if side > NONE:
            continue
        u, v = x - (box[0] + box[2]) / 2, y - (box[1] + box[3]) / 2
        if not wanted or not SMALLEST <= side <= LARGEST:
            asked[(np.abs(u) < 0.4 * wide + 4) & (np.abs(v) < 0.4 * high + 4)] = 0
            continue
        cell = np.unravel_index((u**2 + v**2).argmin(), u.shape)
        bump = np.exp(-(u**2 + v**2) / (2 * (side / 6) ** 2))
        inside = max(abs(u[cell]), abs(v[cell])) <= face_finder.STRIDE / 2 + 1e-3
        bump[cell] = 1 if inside else bump[cell]
        near = np.maximum(near, np.where(bump > 1e-3, bump, 0))
        better = (bump > 0.3) & (bump > weight)
        boxes[better], weight[better] = box, bump[better]
        own[cell] |= inside
    asked[own] = 1
    return Target(*(part.astype(np.float32) for part in (near, asked, boxes, weight)))


def load(
    folder: pathlib.Path, pool: pathlib.Path, *, count: int, size: int, seed: int
) -> Bank:
    """The scenes that lie in a folder; made in it, on all cores, if there are none.

    Args:
        folder: it is made.
        pool: the folder of the heads, see `heads.load`.
        count: scenes.
        size: of a scene, pixels.
        seed: of the set; scene i of a seed and a pool is always the same.

    Raises:
        UserError: other scenes lie there.
    """
    told = f"{count} {size} {seed} of {(pool / heads.NOTE).read_text()}"
    if not (folder / NOTE).is_file():
        with files.folder(folder, ours=["*.npy", NOTE]) as new:
            for path, (kind, shape) in zip(_paths(new), _shapes(size), strict=True):
                one = np.lib.format.open_memmap(path, "w+", kind, (count, *shape))
                one.flush()
            for done in _made(new, pool, count=count, size=size, seed=seed):
                print(f"scenes: {done} of {count}", file=sys.stderr)
            (new / NOTE).write_text(told)
    if (folder / NOTE).read_text() != told:
        raise UserError(
            f"{folder} holds other scenes ({(folder / NOTE).read_text()}); wanted"
            f" {told}. Name another folder."
        )
    images, *target = (np.load(path, mmap_mode="r") for path in _paths(folder))
    return Bank(images, Target(*target))


def _paths(folder: pathlib.Path) -> list[pathlib.Path]:
    return [folder / f"{name}.npy" for name in ("images", *Target._fields)]


def _shapes(size: int) -> list[tuple[str, tuple[int, ...]]]:
    cells = (size // face_finder.STRIDE,) * 2
    shapes = [cells if name != "boxes" else (*cells, 4) for name in Target._fields]
    return [("u1", (size, size, 3)), *(("f4", shape) for shape in shapes)]


def _made(folder, pool, *, count: int, size: int, seed: int) -> Iterator[int]:
    """Fills a bank's files by as many processes as there are cores; how many so far."""
    make = functools.partial(make_some, folder, pool, size=size, seed=seed)
    parts = [range(i, min(i + TOGETHER, count)) for i in range(0, count, TOGETHER)]
    cores = min(workers.cores(), len(parts))
    done = 0
    if cores == 1:
        for part in parts:
            done += make(part)
            yield done
        return
    own = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(cores, own, _leave_device) as makers:
        for number in makers.map(make, parts):
            done += number
            yield done


def _leave_device() -> None:
    """An accelerator, if there is one, is for the training."""
    jax.config.update("jax_platforms", "cpu")


def make_some(
    folder: pathlib.Path, pool: pathlib.Path, numbers: range, *, size: int, seed: int
) -> int:
    """Writes scenes into a bank's files; how many."""
    known, made = heads.read(pool), []
    rows = slice(numbers.start, numbers.stop)
    for number in numbers:
        rng = np.random.RandomState(host_seed(seed, f"scene {number}"))
        scene = scenes.draw(rng, known, size)
        made.append((scene.image, *of(scene)))
    for path, part in zip(_paths(folder), zip(*made, strict=True), strict=True):
        kept = np.lib.format.open_memmap(path, "r+")
        kept[rows] = np.stack(part)
        kept.flush()
    return len(numbers)
