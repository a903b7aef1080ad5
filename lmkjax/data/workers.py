"""What a host puts into making batches: threads, or processes where those wait.

Both are Grain's. Threads of one process share Python's lock, which a face holds for
some 0.3 ms while it is read, decoded and cut: beyond a few thousand faces a second only
other processes help. They begin anew, without this process's devices.
"""

import atexit
import dataclasses
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from typing import Protocol

import grain
import jax
import numpy as np
from absl import flags

from lmkjax.errors import UserError
from lmkjax.types import Batch, Rendered

_OPEN: weakref.WeakSet = weakref.WeakSet()  # what `batches` gave, and is in use


@dataclasses.dataclass(frozen=True)
class Loading:
    """What a host puts into making batches.

    Attributes:
        workers: threads that decode and crop, a face at a time (Pillow and NumPy let
            go of Python's lock meanwhile); 0 = as many as there are cores to use.
        ahead: batches whose faces are made before they are asked for, at least 1;
            processes share them out, but each holds four batches or more.
        processes: that do the same in place of threads, each a batch at a time, where
            another process can make the faces as well; 0 = threads.
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
    faces: Faces, numbers: grain.MapDataset, size: int, loading: Loading
) -> Iterator[Batch | Rendered]:
    """Batches in order, their faces made by whichever worker is free.

    Args:
        faces: what they hold.
        numbers: of the faces, a whole number of batches.
        size: faces in a batch.
        loading: what the host puts into it; it changes no batch.

    Raises:
        UserError: processes are asked for and cannot be begun, or one was ended.
    """
    made = numbers.map(faces.face)
    if loading.processes and faces.portable:
        stream = _of_processes(made.batch(size, drop_remainder=True), loading)
    else:
        threads = loading.workers or cores()
        read = grain.ReadOptions(threads, max(threads, loading.ahead * size))
        stream = made.to_iter_dataset(read).batch(size)
    opened = _each(stream)
    _OPEN.add(opened)
    return opened


def _of_processes(made: grain.MapDataset, loading: Loading) -> grain.IterDataset:
    if multiprocessing.current_process().daemon:
        raise UserError(
            f"Wanted data.processes={loading.processes} in a process that may begin"
            " none (a daemon of multiprocessing); data.processes=0 takes threads."
        )
    if not flags.FLAGS.is_parsed():  # Grain asks for its own
        flags.FLAGS.mark_as_parsed()
    count = min(loading.processes, len(made))
    each = grain.MultiprocessingOptions(count, max(1, loading.ahead // max(1, count)))
    alone = made.to_iter_dataset(grain.ReadOptions(0, 0))
    return alone.mp_prefetch(each, _begin).map(_copied)


def _each(stream: grain.IterDataset) -> Iterator[Batch | Rendered]:
    """The batches of a stream, which ends with this iterator."""
    iterator = iter(stream)
    try:
        yield from iterator
    except (UserError, KeyboardInterrupt) as error:
        # Without the frames: they keep memory of Grain's from being given back.
        raise error.with_traceback(None) from None
    except RuntimeError as error:
        if "terminated unexpectedly" not in str(error):
            raise
        raise UserError(
            "A process of the loader ended before its time. Wanted: memory for"
            " data.processes of them, also in /dev/shm (docker run --shm-size), and,"
            " where a script of your own trains, its doings under"
            " `if __name__ == '__main__':`; data.processes=0 takes threads."
        ) from None
    finally:
        iterator.close()
        del iterator


@atexit.register
def _close() -> None:
    """Closes what was left open; later on Grain lacks what that takes."""
    for stream in list(_OPEN):
        stream.close()


def _copied(batch: Batch | Rendered) -> Batch | Rendered:
    """The batch in memory of this process alone, which Python looks after."""
    return jax.tree.map(np.array, batch)


def _begin(worker: int, count: int) -> None:
    """What a process of the loader does first."""
    # The parent is told as well (Ctrl-C, Slurm: all processes at once), and ends it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(0)
