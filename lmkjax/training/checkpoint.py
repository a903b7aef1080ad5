"""What a run keeps on disk, and how it takes it up again."""

import contextlib
import functools
import pathlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from lmkjax import hosts
from lmkjax.errors import UserError
from lmkjax.training import trouble
from lmkjax.training.state import TrainState

FOLDER = "checkpoints"
PAUSES_S = (1.0, 5.0, 20.0)
"""Seconds to wait before a checkpoint that could not be read is tried again."""
READ, DAMAGED, UNREAD, OTHER = range(4)
"""What came of reading a checkpoint."""


class Checkpoints:
    """The checkpoints of one run: state and place, whole or not at all.

    Orbax writes each into a folder of another name and renames it when it is whole,
    so a run killed at any moment leaves only whole ones behind.
    """

    def __init__(self, folder: pathlib.Path, *, keep: int = 2):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._manager = ocp.CheckpointManager(
            folder.absolute(),
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep, cleanup_tmp_directories=True
            ),
            item_names=("state", "place"),
        )

    def save(self, state: TrainState, place: dict[str, Any]) -> None:
        """Writes a checkpoint in the background.

        Args:
            state: of the training.
            place: what JSON can hold: seconds trained.

        Raises:
            UserError: this one, or the one before that was still being written, could
                not be written; those before are whole.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        with self._told():
            self._manager.save(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(_without_key_types(state)),
                    place=ocp.args.JsonSave(place),
                ),
            )
            if jax.default_backend() == "cpu":
                # Orbax's copy for the background may share the CPU's memory with the
                # state, whose memory the next step takes over.
                self._manager.wait_until_finished()

    def restore(self, like: TrainState) -> tuple[TrainState, dict[str, Any]] | None:
        """The newest checkpoint that is whole, laid out as `like` is.

        A damaged one is named, put aside and the one before it taken. One that the
        drive or the memory kept from being read is tried again and never put aside.

        Args:
            like: a state of the same network; its values are not read.

        Returns:
            State and place, or None if there is no checkpoint.

        Raises:
            UserError: the newest is another network's, or cannot be read now; or
                there are checkpoints, but all are damaged.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        hosts.agree({"checkpoints": str(steps)})
        for step in steps:
            got, error = self._patiently(step, like)
            if got is not None:
                return _with_key_types(got["state"]), got["place"]
            self._put_aside(step, error)
        if steps:
            raise UserError(
                f"Wanted a checkpoint in {self._folder} that can be read; all of steps"
                f" {steps} are damaged. Start anew with another --workdir."
            )
        return None

    def _patiently(self, step: int, like: TrainState) -> tuple[Any, Exception | None]:
        """A checkpoint, or None and why if it is damaged; all processes alike."""
        for pause_s in (*PAUSES_S, None):
            got, error = self._read(step, like)
            worst = int(hosts.gather(np.array([_kind(error)])).max())
            if worst in (READ, DAMAGED):
                return (got, None) if worst == READ else (None, error)
            if worst == OTHER:
                break
            if pause_s is not None:
                time.sleep(pause_s)
        if isinstance(error, UserError):
            raise error
        why = f": {trouble.short(error)}" if error else " by another process"
        raise UserError(
            f"Could not read the checkpoint {self._folder / str(step)}{why}. It may be"
            " whole, and nothing was changed: look at the drive (and at the memory, if"
            " that is what it says), and repeat the command."
        ) from error

    def _read(self, step: int, like: TrainState) -> tuple[Any, Exception | None]:
        """A checkpoint, or None and what kept it from being read."""
        template = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
            _without_key_types(like),
        )
        try:
            self._refuse_another(step, template)
            return self._manager.restore(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardRestore(template),
                    place=ocp.args.JsonRestore(),
                ),
            ), None
        except Exception as error:  # whatever Orbax meets in a half-gone folder
            return None, error

    def _refuse_another(self, step: int, template: TrainState) -> None:
        """Refuses the checkpoint of a network of other shapes."""
        path = self._folder.absolute() / str(step) / "state"
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            stored = reader.metadata(path).item_metadata.tree
        there, here = _shapes(stored), _shapes(template)
        for name in sorted(there.keys() | here.keys()):
            a, b = (side.get(name, "missing") for side in (there, here))
            if a != b:
                raise UserError(
                    f"The checkpoint {self._folder / str(step)} is of another network:"
                    f" {name} is {a} there and {b} here. It is left as it is; choose"
                    " another --workdir, or the config that began this run."
                )

    def close(self) -> None:
        """Waits until all is written."""
        with self._told():
            self._manager.wait_until_finished()
            self._manager.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tells in one line what kept a checkpoint from being written."""
        try:
            yield
        except (OSError, ValueError, jax.errors.JaxRuntimeError) as error:
            good = steps(self._folder)
            raise UserError(
                f"Could not write a checkpoint into {self._folder}:"
                f" {trouble.short(error)}. Whole ones there: {good}. Make"
                " room or make the folder writable, and repeat the command: it goes on"
                " from the last of them."
            ) from error

    def _put_aside(self, step: int, error: Exception | None) -> None:
        """Renames a damaged checkpoint; of several processes, one does."""
        aside = self._folder / f"damaged-{step}"
        if hosts.lead():
            why = f"({error!r:.120})" if error else "for another process"
            print(f"Checkpoint {self._folder / str(step)} is damaged {why};")
            print(f"it is put aside as {aside} and the one before it is taken.")
            shutil.rmtree(aside, ignore_errors=True)
            (self._folder / str(step)).rename(aside)
        hosts.wait("the damaged checkpoint is put aside")
        self._manager.reload()


def steps(folder: pathlib.Path) -> list[int]:
    """The whole checkpoints: Orbax gives a folder its number when all is written."""
    return sorted(int(p.name) for p in folder.glob("*") if p.name.isdigit())


def average(folder: pathlib.Path) -> Any:
    """The averaged weights in one checkpoint.

    Args:
        folder: of the checkpoint, named by its step.

    Returns:
        The tree of parameters, as NumPy arrays: the devices that wrote them need not
        be here.

    Raises:
        UserError: it is damaged, cannot be read, or is of another version.
    """
    path = folder.absolute() / "state"
    try:
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            tree = {"ema": reader.metadata(path).item_metadata.tree["ema"]}
            plain = jax.tree.map(
                lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree
            )
            saved = reader.restore(
                path,
                args=ocp.args.PyTreeRestore(
                    item=tree, restore_args=plain, partial_restore=True
                ),
            )
    except Exception as error:  # whatever Orbax meets in a half-gone folder
        others = [step for step in steps(folder.parent) if str(step) != folder.name]
        raise UserError(
            f"Cannot read the weights in the checkpoint {folder}:"
            f" {trouble.short(error)}. Other checkpoints there: {others or 'none'}. The"
            " command that trained it goes on from the newest that is whole."
        ) from error
    return saved["ema"]


def _without_key_types(state: TrainState) -> TrainState:
    return state.replace(key=jax.random.key_data(state.key))


def _with_key_types(state: TrainState) -> TrainState:
    return state.replace(key=jax.random.wrap_key_data(state.key))


def _kind(error: Exception | None) -> int:
    """What an error says of the checkpoint that was read."""
    if error is None:
        return READ
    if isinstance(error, UserError):
        return OTHER
    return UNREAD if trouble.passing(error) else DAMAGED


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    """Each leaf's name, however its path is spelled, and its shape."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    name = functools.partial(jax.tree_util.keystr, simple=True, separator="/")
    return {name(path): tuple(leaf.shape) for path, leaf in leaves}
