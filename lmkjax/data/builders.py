"""Datasets that are prepared when they are first asked for, by whoever is installed.

Who builds them stands in the entry-point group `lmkjax.datasets`: a module with
`prepare` and `describe`, of this repository `data_builders.build`.
"""

import functools
import importlib.metadata
import pathlib
from types import ModuleType

from lmkjax.errors import UserError

GROUP = "lmkjax.datasets"


def prepare(name: str, *, data_dir: pathlib.Path, **options) -> pathlib.Path:
    """The folder of a prepared dataset, which is built if it is not there.

    Args:
        name: of the dataset: "ibug_300w".
        data_dir: where prepared datasets are kept.
        **options: what the dataset is made from.

    Returns:
        The folder, for `sources.load`.

    Raises:
        UserError: the dataset's source is not as wanted, or nobody builds datasets.
    """
    return _installed().prepare(name, data_dir=data_dir, **options)


def describe(name: str, folder: pathlib.Path) -> list[str]:
    """What a prepared dataset holds and what it lacks, a line each.

    Args:
        name: of the dataset.
        folder: what `prepare` gave back.
    """
    return _installed().describe(name, folder)


@functools.cache
def _installed() -> ModuleType:
    """The module that builds datasets; the first one, should there be more."""
    found = sorted(importlib.metadata.entry_points(group=GROUP))
    if not found:
        raise UserError(
            "Wanted the builders of datasets, which come with lmkjax; it is not"
            " installed, or of an older version. In its folder: pip install -e ."
        )
    return found[0].load()
