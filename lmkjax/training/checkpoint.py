"""What a run keeps on disk, and how it takes it up again."""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import traverse_util

from lmkjax import hosts
from lmkjax.errors import UserError
from lmkjax.training.state import TrainState

FOLDER = "checkpoints"
EXPORTED = "weights.npz"


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
            place: what JSON can hold: where each stream stands, seconds trained.

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

        A damaged one is named, put aside and the one before it taken.

        Args:
            like: a state of the same network; its values are not read.

        Returns:
            State and place, or None if there is no checkpoint.

        Raises:
            UserError: there are checkpoints, but none can be read.
        """
        template = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
            _without_key_types(like),
        )
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step in steps:
            got = trouble = None
            try:
                got = self._manager.restore(
                    step,
                    args=ocp.args.Composite(
                        state=ocp.args.StandardRestore(template),
                        place=ocp.args.JsonRestore(),
                    ),
                )
            except Exception as error:  # whatever Orbax meets in a half-gone folder
                trouble = error
            if not hosts.gather(np.array([trouble is not None])).any():
                return _with_key_types(got["state"]), got["place"]
            self._put_aside(step, trouble)
        if steps:
            raise UserError(
                f"Wanted a checkpoint in {self._folder} that can be read; all of steps"
                f" {steps} are damaged. Start anew with another --workdir."
            )
        return None

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
            good = _steps(self._folder)
            raise UserError(
                f"Could not write a checkpoint into {self._folder}:"
                f" {' '.join(str(error).split())[:300]}. Whole ones there: {good}. Make"
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


def weights(workdir: pathlib.Path) -> Any:
    """The averaged weights of a run: exported ones, or its newest checkpoint's.

    Args:
        workdir: the run's folder.

    Returns:
        The tree of parameters, as NumPy arrays.

    Raises:
        UserError: there are none.
    """
    exported = workdir / EXPORTED
    if exported.is_file():
        with np.load(exported, allow_pickle=False) as flat:
            return traverse_util.unflatten_dict(dict(flat), sep="/")
    folder = workdir / FOLDER
    steps = _steps(folder)
    if not steps:
        raise UserError(
            f"Wanted a trained run's {EXPORTED} or {FOLDER}/ in {workdir}; found none."
            " Train first: python -m lmkjax.train --config configs/daln.py --workdir"
            f" {workdir}"
        )
    path = folder.absolute() / str(steps[-1]) / "state"
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        # As NumPy arrays: the devices that wrote them need not be here.
        tree = {"ema": reader.metadata(path).item_metadata.tree["ema"]}
        plain = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
        saved = reader.restore(
            path,
            args=ocp.args.PyTreeRestore(
                item=tree, restore_args=plain, partial_restore=True
            ),
        )
    return saved["ema"]


def export(tree: Any, folder: pathlib.Path) -> None:
    """Writes weights as one small file that `weights` reads.

    Args:
        tree: parameters.
        folder: of the file, `EXPORTED`.
    """
    flat = traverse_util.flatten_dict(tree, sep="/")
    np.savez_compressed(folder / EXPORTED, **jax.tree.map(np.asarray, flat))


def _steps(folder: pathlib.Path) -> list[int]:
    """The whole checkpoints: Orbax gives a folder its number when all is written."""
    return sorted(int(p.name) for p in folder.glob("*") if p.name.isdigit())


def _without_key_types(state: TrainState) -> TrainState:
    return state.replace(key=jax.random.key_data(state.key))


def _with_key_types(state: TrainState) -> TrainState:
    return state.replace(key=jax.random.wrap_key_data(state.key))
