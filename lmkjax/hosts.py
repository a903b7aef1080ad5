"""One run on many hosts: they find each other, agree, and end together."""

import contextlib
import glob
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from lmkjax import errors
from lmkjax.errors import UserError

HEARTBEAT_S = 30
"""A process that has been silent for so long is taken for dead."""


def expected(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment says that this process is one of several, or on a TPU.

    Slurm: inside `srun` with several tasks (not in the batch script around it). Open
    MPI: under `mpirun`. TPU: this is a TPU machine; JAX asks there for the others.

    Args:
        env: the environment's variables.
    """
    if int(env.get("SLURM_STEP_NUM_TASKS", "1")) > 1 and "SLURM_LOCALID" in env:
        return True
    if int(env.get("OMPI_COMM_WORLD_SIZE", "1")) > 1:
        return True
    chips = glob.glob("/dev/accel[0-9]*") + glob.glob("/dev/vfio/[0-9]*")
    return bool(chips) and importlib.util.find_spec("libtpu") is not None


def join(coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Joins the other processes of the run, if there are any.

    Must come before anything else that asks JAX for devices.

    Args:
        coordinator: `HOST:PORT` of process 0, which all can reach.
        processes: how many there are.
        process: which one this is, from 0.

    Raises:
        UserError: one or two of the three are given, or they make no sense, or the
            others did not come.
    """
    given = [x is not None for x in (coordinator, processes, process)]
    if any(given) and not all(given):
        raise UserError(
            "Wanted --coordinator HOST:PORT, --processes N and --process I together,"
            " or none of them; got"
            f" {coordinator=}, {processes=}, {process=}."
        )
    if all(given):
        if processes < 1 or not 0 <= process < processes or ":" not in coordinator:
            raise UserError(
                "Wanted --coordinator HOST:PORT and --process from 0 to --processes - 1"
                f"; got {coordinator}, process {process} of {processes}."
            )
    elif not expected():
        return
    # It would take SIGTERM for itself from here on, and go on: the loop asks for it.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator,
            processes,
            process,
            heartbeat_timeout_seconds=HEARTBEAT_S,
            cluster_detection_method="deactivate" if all(given) else None,
        )
    except (RuntimeError, ValueError, OSError) as error:  # the last: of a TPU's cloud
        raise UserError(
            f"The processes of this run did not find each other: {_short(error)} Where"
            " there is one alone, --coordinator localhost:1234 --processes 1"
            " --process 0 says so."
        ) from error


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Ends this process at once when it fails, so that the others learn of it.

    Else it would wait for them on its way out, and they for it. Where JAX's own
    service ends the process because another one died, a last line still says so.
    """
    if jax.process_count() == 1:
        yield
        return
    who = f"process {jax.process_index()} of {jax.process_count()}"
    last_words = (
        f"error: {who} ended early, most likely because another one died. Start all of"
        " them again with the same command: they go on from the last checkpoint."
    )
    # Reads the end of its input when this process is gone, however it went.
    widow = subprocess.Popen(
        ["sh", "-c", 'read -r bye || echo "$0" >&2', last_words], stdin=subprocess.PIPE
    )
    try:
        yield
        widow.communicate(b"bye\n")
    except BaseException as error:
        print(f"error: {who}: {_short(error)}", file=sys.stderr, flush=True)
        if isinstance(error, UserError):  # the others have met it too
            widow.communicate(b"bye\n")
        os._exit(_code(error))


def _code(error: BaseException) -> int:
    """The exit code: 2 the person's mistake, 130 Ctrl-C, 1 the rest."""
    if isinstance(error, UserError) or errors.out_of_memory(error):
        return 2
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def lead() -> bool:
    """Whether this is the process that prints, logs and writes reports."""
    return jax.process_index() == 0


def agree(told: Mapping[str, str]) -> None:
    """Refuses processes that do not begin alike: they would wait for each other.

    Args:
        told: what must be the same in all, by a name; each has as many.

    Raises:
        UserError: in each process alike, naming what is not the same.
    """
    found = [hashlib.sha256(text.encode()).digest() for text in told.values()]
    every = gather(np.array([[list(digest) for digest in found]], np.uint8))
    other = (every != every[0]).any(-1)
    if other.any():
        who = ", ".join(map(str, np.flatnonzero(other.any(1))))
        what = ", ".join(np.array(list(told))[other.any(0)])
        raise UserError(
            f"Wanted all processes of the run to begin alike; {who} differ from"
            f" process 0 in: {what}. Start the same command on each host, with the same"
            " lmkjax, the same faces and a --workdir that all see."
        )


def gather(tree: Any) -> Any:
    """Each array of all processes, end to end along the first axis, to the bit.

    Args:
        tree: NumPy arrays, of the same shapes in all processes.
    """
    if jax.process_count() == 1:
        return tree
    return jax.tree.map(_gather, tree)


def _gather(array: np.ndarray) -> np.ndarray:
    """As bytes: as numbers, JAX would round float64 to float32."""
    array = np.ascontiguousarray(array)
    raw = np.frombuffer(array.tobytes(), np.uint8)
    raw = np.asarray(multihost_utils.process_allgather(raw))
    parts = [np.frombuffer(r.tobytes(), array.dtype).reshape(array.shape) for r in raw]
    return np.concatenate(parts)


def in_order(batches: list[np.ndarray]) -> np.ndarray:
    """What the processes have of each batch's faces, in the order of one process.

    Args:
        batches: of this process; where there are several, all of one size.
    """
    if jax.process_count() == 1:
        return np.concatenate(batches)
    parts = gather(np.stack(batches)[None])  # process, batch, face
    return np.concatenate(np.concatenate(parts.swapaxes(0, 1)))


def whole(tree: Any) -> Any:
    """Arrays that lie in parts on many devices, whole, as NumPy arrays."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    return jax.tree.map(
        lambda x: np.asarray(multihost_utils.process_allgather(x, tiled=True)), tree
    )


def wait(name: str) -> None:
    """Waits until all processes are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
