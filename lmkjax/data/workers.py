"""What a host puts into making batches: threads, or processes where those wait.

Threads of one process share Python's lock, which a face holds for some 0.3 ms while it
is read, decoded and cut: beyond a few thousand faces a second only other processes
help. They begin anew, without this process's devices, and write into memory that both
see.
"""

import collections
import ctypes
import dataclasses
import itertools
import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import process
from typing import Protocol

import jax
import numpy as np

from lmkjax.errors import UserError
from lmkjax.types import Batch, Rendered

MOST_AT_ONCE = 8  # faces that a worker makes before it asks for more
ALIGNED = 64  # bytes that an array begins at a multiple of
_HERE: tuple = ()  # in a process of the loader: its faces, and the memory to put them


@dataclasses.dataclass(frozen=True)
class Loading:
    """What a host puts into making batches.

    Attributes:
        workers: threads that decode and crop, a face at a time (Pillow and NumPy let
            go of Python's lock meanwhile); 0 = as many as there are cores to use.
        ahead: batches whose faces are made before they are asked for, at least 1.
        processes: that do the same in place of threads, where another process can make
            the faces as well; 0 = threads.
    """

    workers: int = 0
    ahead: int = 4
    processes: int = 0


class Faces(Protocol):
    """What batches are made of, such as `streams.Canvases`."""

    @property
    def portable(self) -> bool:
        """Whether another process, which gets a copy, makes the faces as well."""

    def face(self, index: int) -> Batch | Rendered:
        """Face `index`, without leading axes; -1 fills up and is masked out."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: containers and taskset lend some
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def batches(
    faces: Faces, numbers: Iterable[Sequence[int]], size: int, loading: Loading
) -> Iterator[Batch | Rendered]:
    """Batches in order, their faces made by whichever worker is free.

    Args:
        faces: what they hold.
        numbers: of the faces of each batch.
        size: faces in a batch.
        loading: what the host puts into it; it changes no batch.

    Raises:
        UserError: processes are asked for and cannot be begun, or one was ended.
    """
    apart = loading.processes > 0 and faces.portable
    workers = (_Processes if apart else _Threads)(faces, size, loading)
    waiting = collections.deque()
    try:
        for own in numbers:
            waiting.append(workers.begin(own))
            if len(waiting) > loading.ahead:
                yield workers.end(waiting.popleft())
        while waiting:
            yield workers.end(waiting.popleft())
    finally:
        workers.close()


def _shares(size: int, workers: int) -> list[slice]:
    """The rows of a batch that are made at a time."""
    share = max(1, min(MOST_AT_ONCE, size // workers))
    return [slice(at, min(at + share, size)) for at in range(0, size, share)]


class _Threads:
    """Threads of this process."""

    def __init__(self, faces: Faces, size: int, loading: Loading):
        workers = loading.workers or cores()
        self._faces, self._size = faces, size
        self._shares = _shares(size, workers)
        self._pool = futures.ThreadPoolExecutor(workers, thread_name_prefix="loader")

    def begin(self, numbers: Sequence[int]) -> tuple:
        batch = _Rows(self._size)
        parts = [
            self._pool.submit(self._fill, batch, own.start, numbers[own])
            for own in self._shares
        ]
        return batch, parts

    def _fill(self, batch: "_Rows", first: int, numbers: Sequence[int]) -> None:
        for row, number in enumerate(numbers, first):
            batch.put(row, self._faces.face(number))

    def end(self, begun: tuple) -> Batch | Rendered:
        batch, parts = begun
        for part in parts:
            part.result()
        return batch.whole

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Rows:
    """A batch that workers fill, each its own faces: nobody copies it once more.

    Attributes:
        size: faces that it holds in the end.
        whole: the batch; None before the first face is there.
    """

    def __init__(self, size: int):
        self.size = size
        self.whole: Batch | Rendered | None = None
        self._lock = threading.Lock()

    def put(self, row: int, face: Batch | Rendered) -> None:
        """Face `row` of the batch."""
        with self._lock:
            if self.whole is None:
                self.whole = jax.tree.map(self._empty, face)
        for rows, leaf in zip(
            jax.tree.leaves(self.whole), jax.tree.leaves(face), strict=True
        ):
            rows[row] = leaf

    def _empty(self, leaf: np.ndarray) -> np.ndarray:
        return np.empty((self.size, *leaf.shape), leaf.dtype)


class _Processes:
    """Processes, and memory for the batches that are on their way.

    It is begun with the first batch, whose first face tells how large all are.
    """

    def __init__(self, faces: Faces, size: int, loading: Loading):
        if multiprocessing.current_process().daemon:
            raise UserError(
                f"Wanted data.processes={loading.processes} in a process that may begin"
                " none (a daemon of multiprocessing); data.processes=0 takes threads."
            )
        self._faces, self._loading = faces, loading
        self._shares = _shares(size, loading.processes)
        self._size = size
        self._slot = itertools.cycle(range(loading.ahead + 1))
        self._pool: process.ProcessPoolExecutor | None = None

    def _open(self, number: int) -> None:
        leaves, self._tree = jax.tree.flatten(self._faces.face(number))
        arrays = [((self._size, *leaf.shape), leaf.dtype) for leaf in leaves]
        # Not forked: JAX's threads would be missing, with the locks that they hold.
        context = multiprocessing.get_context("spawn")
        memory = context.RawArray(
            ctypes.c_ubyte, (self._loading.ahead + 1) * _bytes_of(arrays)
        )
        self._memory = _Memory(memory, arrays)
        self._pool = process.ProcessPoolExecutor(
            self._loading.processes,
            mp_context=context,
            initializer=_begin,
            initargs=(self._faces, memory, arrays),
        )

    def begin(self, numbers: Sequence[int]) -> tuple:
        if self._pool is None:
            self._open(numbers[0])
        slot = next(self._slot)
        own = [int(number) for number in numbers]
        try:
            parts = [
                self._pool.submit(_fill, slot, rows.start, own[rows])
                for rows in self._shares
            ]
        except process.BrokenProcessPool as error:
            raise _ended(error) from error
        return slot, parts

    def end(self, begun: tuple) -> Batch | Rendered:
        slot, parts = begun
        try:
            for part in parts:
                part.result()
        except process.BrokenProcessPool as error:
            raise _ended(error) from error
        # A copy: the next batch but `ahead` comes to lie here.
        leaves = [leaf.copy() for leaf in self._memory.slot(slot)]
        return jax.tree.unflatten(self._tree, leaves)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _ended(error: Exception) -> UserError:
    return UserError(
        "A process of the loader ended before its time. Wanted: memory for"
        " data.processes of them, and, where a script of your own trains, its doings"
        " under `if __name__ == '__main__':`; data.processes=0 takes threads."
    )


def _bytes_of(arrays: Sequence[tuple]) -> int:
    """What arrays of these shapes and types take, each at a multiple of `ALIGNED`."""
    return sum(
        -(-math.prod(shape) * dtype.itemsize // ALIGNED) * ALIGNED
        for shape, dtype in arrays
    )


class _Memory:
    """Batches one behind the other in memory that several processes see."""

    def __init__(self, memory, arrays: Sequence[tuple]):
        self._bytes, self._arrays = np.frombuffer(memory, np.uint8), arrays

    def slot(self, slot: int) -> list[np.ndarray]:
        """The arrays of the batch that lies there."""
        found, at = [], slot * _bytes_of(self._arrays)
        for array in self._arrays:
            shape, dtype = array
            end = at + math.prod(shape) * dtype.itemsize
            found.append(self._bytes[at:end].view(dtype).reshape(shape))
            at += _bytes_of([array])
        return found


def _begin(faces: Faces, memory, arrays: Sequence[tuple]) -> None:
    """What a process of the loader does first."""
    global _HERE
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _HERE = faces, _Memory(memory, arrays)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(0)


def _fill(slot: int, first: int, numbers: Sequence[int]) -> None:
    """Puts faces into the batch that lies in a slot; in a process of the loader."""
    faces, memory = _HERE
    leaves = memory.slot(slot)
    for row, number in enumerate(numbers, first):
        for rows, leaf in zip(leaves, jax.tree.leaves(faces.face(number)), strict=True):
            rows[row] = leaf
