"""Prepares a dataset once, as ArrayRecord files, and never takes a half for a whole.

Run:  python -m data_builders.build ibug_300w --source FOLDER --data-dir data
"""

import contextlib
import importlib
import io
import json
import pathlib
import shutil
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from unittest import mock

from absl import logging

from data_builders import flags, left_out
from lmkjax import cli, files
from lmkjax.errors import UserError

WHOLE = "dataset_info.json"
"""Written last: a folder that has it is whole."""


def prepare(name: str, *, data_dir: str | pathlib.Path, **options) -> pathlib.Path:
    """The folder of a prepared dataset, which is built if it is not there.

    The folder's name says all that it was made from (options, and what the source
    folder holds), so another request never meets it. A build that is interrupted is
    never taken for whole, and what it leaves is swept away by the next. Of two
    processes that ask at once, one builds. A face that cannot be used is left out and
    named; once its files hold something else, the set is built anew.

    Args:
        name: "ibug_300w", "face_synthetics" or "synthetic_faces".
        data_dir: where prepared datasets are kept.
        **options: what the dataset's `make_config` takes.

    Returns:
        The folder, for `lmkjax.data.sources.load`.

    Raises:
        UserError: the dataset is unknown, its source is not as wanted, or not one face
            in it can be used.
    """
    if name not in flags.DATASETS:
        known = ", ".join(flags.DATASETS)
        raise UserError(f"Unknown dataset '{name}'; known: {known}.")
    module = _builder(name)
    config = module.make_config(**options)
    home = files.local(data_dir, flag="--data-dir").resolve() / name / config.name
    folder = home / str(module.Builder.VERSION)
    if _fits(folder, module, options):
        return folder
    with files.alone(home, wait=True):
        if not _fits(folder, module, options):
            shutil.rmtree(folder, ignore_errors=True)  # of a Beam job that was killed
            _build(module.Builder, config, home, options)
    return folder


def _fits(folder: pathlib.Path, module: ModuleType, options: dict) -> bool:
    """Whether a set is there, and nothing that it left out has been mended since."""
    if not (folder / WHOLE).is_file():
        return False
    metadata = json.loads((folder / "metadata.json").read_text())
    without = metadata.get("left_out", {})  # what is drawn leaves nothing out
    return not (without and left_out.mended(without, module.held(**options)))


def describe(name: str, folder: pathlib.Path) -> list[str]:
    """What a prepared dataset holds and what it lacks, a line each.

    Args:
        name: of the dataset.
        folder: what `prepare` gave back.
    """
    return _builder(name).describe(folder)


def _builder(name: str) -> ModuleType:
    """A dataset's own module, where TFDS looks for it."""
    return importlib.import_module(f"data_builders.{name}.{name}_dataset_builder")


def _build(builder_class: Any, config: Any, home: pathlib.Path, options: dict) -> None:
    """Builds one dataset; TFDS writes beside the folder and renames at the end."""
    import tensorflow_datasets as tfds  # slow, and not needed for --help

    for leftover in home.glob("incomplete.*"):  # of a build that was killed
        shutil.rmtree(leftover)
    source = options.get("source")
    if source is not None and pathlib.Path(source).is_file():  # TFDS wants a folder
        source = pathlib.Path(source).parent
    try:
        with quiet():
            builder = builder_class(data_dir=str(home.parents[1]), config=config)
            builder.download_and_prepare(
                download_dir=str(home / "downloads"),
                download_config=tfds.download.DownloadConfig(
                    manual_dir=source, try_download_gcs=False
                ),
                file_format="array_record",  # the only one that needs no TensorFlow
            )
    finally:
        shutil.rmtree(home / "downloads", ignore_errors=True)


@contextlib.contextmanager
def quiet():
    """Keeps TFDS from talking; the builders show their own progress, on stderr.

    And from making a folder in /tmp for what Google's bucket tells of a new set, which
    of ours is nothing: it would stay there, empty.
    """
    import tensorflow_datasets as tfds

    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    tfds.disable_progress_bar()
    bucket = mock.patch.object(tfds.core.DatasetInfo, "initialize_from_bucket")
    try:
        with bucket, contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.enable_progress_bar()
        logging.set_verbosity(verbosity)


def parser() -> cli.Parser:
    """The command line: one word for the dataset, then its own options."""
    top = cli.Parser(
        prog="python -m data_builders.build",
        description="Prepare a dataset for training. It is built once: the same "
        "command again finds what is there.",
    )
    names = top.add_subparsers(dest="name", required=True, metavar="DATASET")
    for name, (summary, add_flags) in flags.DATASETS.items():
        sub = names.add_parser(name, help=summary, description=summary)
        sub.add_argument(
            "--data-dir", default="data", help="where prepared datasets are kept"
        )
        add_flags(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Prepares what the command line asks for and prints the folder."""
    options = vars(parser().parse_args(argv))
    name, data_dir = options.pop("name"), options.pop("data_dir")
    folder = prepare(name, data_dir=data_dir, **options)
    for line in describe(name, folder):
        print(line)
    print(folder)
    return 0


if __name__ == "__main__":
    cli.run(main)
