"""The config in a run's folder: kept, read again and held against a new one."""

import contextlib
import json
import os
import pathlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import ml_collections
import numpy as np

from lmkjax import files, hosts
from lmkjax.errors import UserError
from lmkjax.experiment import init_from
from lmkjax.landmarks import schemes

FILE = "config.json"
MAY_CHANGE = ("train.steps", "train.minutes", "train.log_every", "train.save_every")
MAY_CHANGE += ("train.validate_every", "train.gradient_norms", "data.dir", "eval")
MAY_CHANGE += ("data.workers", "data.processes", "data.ahead", "train.fsdp_min_size")
"""What a run may be taken up again with: fields, and parts with all of theirs."""

KEPT = ("checkpoints/*", "report/*", "weights.npz")
"""What is in a run's folder once something is lost where another run takes it."""

PATHS = ("data.dir", "data.ibug_300w", "data.backgrounds", "data.adapter")
PATHS += ("train.init_from", "data.face_synthetics", "data.pseudo_labels")
SCHEMES = ("scheme", "data.scheme")
SEEN_WITHIN_S = 60.0
"""Seconds after which what the first process wrote must be seen by all."""

LATER = {
    "data": {"priors": "", "backgrounds": "", "workers": 0, "ahead": 4}
    | {"processes": 0}
    | {"face_synthetics": "", "source_faces": 0, "pseudo_labels": ""},
    "crop": {"up": 0.0},
    "eval": {"views": 1},
    "places": {"skin": 0, "head": 0, "curves": 0, "contour": 0},
    "train": {"validate_every": 0, "gradient_norms": True},
    "model": {"kernels": "free", "kernel_width": 128},
    "terms": {"confidence": {"weight": 0.0}, "label_transfer": {"form": "unet"}}
    | {"daln": {"ramp": 0.1, "norm": "nuclear", "queue": 0, "count": 0}}
    | {"discriminator": {"ramp": 0.1}}
    | {"disparity": {"weight": 0.0, "count": 16, "begin": 0.1, "ramp": 0.1}}
    | {
        "mean_teacher": {"weight": 0.0, "form": "labels", "keep": 0.5, "ramp": 0.1}
        | {"mild": 0.25, "strong": 1.5, "style": 0.5}
    },
}
"""Fields that older runs' configs lack, as these runs had them."""


def settle(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """The config as it means the same in any folder, and without a scheme's file.

    Raises:
        UserError: a path that is none of this machine, or an unknown scheme.
    """
    config = ml_collections.ConfigDict(config).unlock()
    for field in PATHS:
        path = _get(config, field)
        if path and path != init_from.SHIPPED:
            path = files.local(path, flag=f"--config.{field}").absolute()
            _set(config, field, str(path))
    for field in SCHEMES:
        _set(config, field, schemes.get(_get(config, field)).text)
    return config.lock()


def check(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> None:
    """Refuses a folder that this run cannot use; writes nothing.

    A run that kept no step, such as one whose first did not fit into memory, has
    nothing to lose, and makes room.

    Raises:
        UserError: the folder holds a run of another config or cannot be written.
    """
    if (workdir / FILE).exists():
        old = _plain(settle(recall(workdir)))
        other = [f for f in _differences(old, _plain(settle(config))) if not _may(f)]
        told = f"{workdir} holds a run with another {', '.join(other)}"
        if other and any(any(workdir.glob(kept)) for kept in KEPT):
            raise UserError(
                f"{told}; choose another --workdir, or repeat the command that began"
                " it."
            )
        if other and hosts.lead():
            print(f"{told}, which kept no step: begins anew.", flush=True)
    there = next(p for p in (workdir, *workdir.absolute().parents) if p.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(
            f"Wanted a folder that can be written as --workdir; {there} cannot."
        )


def common(config: ml_collections.ConfigDict) -> dict[str, str]:
    """What all processes of a run must have alike: but for paths and the loader, all.

    Args:
        config: of this process.
    """
    own = {f"data.{name}" for name in ("workers", "processes", "ahead")}.union(PATHS)
    told = _flat(_plain(settle(config)))
    return {name: json.dumps(value) for name, value in told if name not in own}


def there(workdir: pathlib.Path) -> bool:
    """Whether this process sees what the first one has written, at last after a while.

    A drive of the network may show a new file a little later.
    """
    until = time.monotonic() + SEEN_WITHIN_S
    while not (found := (workdir / FILE).exists()) and time.monotonic() < until:
        time.sleep(0.2)
    return found


@contextlib.contextmanager
def alone(workdir: pathlib.Path) -> Iterator[None]:
    """Has a run's folder for this run, of however many processes.

    A folder that was not there, and holds no run in the end, goes again: a command
    refused leaves no trace.

    Raises:
        UserError: another run trains there.
    """
    new = not workdir.exists()
    refused = None
    with contextlib.ExitStack() as stack:
        if hosts.lead():
            try:
                stack.enter_context(
                    files.alone(workdir, wait=False, why=f"trains in {workdir}")
                )
            except UserError as error:
                refused = error
        if hosts.gather(np.array([refused is not None])).any():
            raise refused or UserError(f"Another process trains in {workdir}.")
        try:
            yield
        finally:
            if new and hosts.lead() and not (workdir / FILE).exists():
                shutil.rmtree(workdir, ignore_errors=True)


def write(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> None:
    """Makes the run's folder with `config.json`, as used."""
    workdir.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(settle(config)), indent=2, sort_keys=True)
    files.write(workdir / FILE, text + "\n")


def export(config: ml_collections.ConfigDict, out: pathlib.Path) -> None:
    """Writes a run's config without a word of where things lay on this machine."""
    config = ml_collections.ConfigDict(config).unlock()
    for field in PATHS:
        _set(config, field, pathlib.PurePath(_get(config, field)).name)
    config.data.dir, config.data.ibug_300w = "data", ""
    for field in SCHEMES:
        _set(config, field, schemes.get(_get(config, field)).text)
    text = json.dumps(_plain(config), indent=2, sort_keys=True)
    files.write(out / FILE, text + "\n")


def recall(workdir: pathlib.Path) -> ml_collections.ConfigDict:
    """The config that a run was made with, whichever version made it.

    Raises:
        UserError: the folder holds no run.
    """
    try:
        config = _filled(json.loads((workdir / FILE).read_text()), LATER)
        config["data"] = {"seed": config["seed"]} | config["data"]  # once one seed
        return ml_collections.ConfigDict(config).lock()
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"Wanted a run's folder with its config.json; {workdir}: {error}."
        ) from error


def _filled(own: dict, later: dict) -> dict:
    """A config with the fields that it lacks, at any depth."""
    filled = later | own
    for name, fields in later.items():
        if isinstance(fields, dict):
            filled[name] = _filled(own.get(name, {}), fields)
    return filled


def _plain(config: ml_collections.ConfigDict) -> dict:
    return json.loads(config.to_json_best_effort())


def _get(config: ml_collections.ConfigDict, field: str) -> str:
    for name in field.split("."):
        config = config[name]
    return config


def _set(config: ml_collections.ConfigDict, field: str, value: str) -> None:
    *parts, name = field.split(".")
    for part in parts:
        config = config[part]
    config[name] = value


def _flat(config: dict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each field of a config by its whole name, with its value."""
    for name in sorted(config):
        if isinstance(config[name], dict):
            yield from _flat(config[name], f"{prefix}{name}.")
        else:
            yield prefix + name, config[name]


def _may(field: str) -> bool:
    return any(field == may or field.startswith(f"{may}.") for may in MAY_CHANGE)


def _differences(old: dict, new: dict) -> list[str]:
    """The names of the fields in which two configs differ."""
    a, b = dict(_flat(old)), dict(_flat(new))
    return [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
