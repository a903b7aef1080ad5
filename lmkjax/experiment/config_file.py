"""A config from its file and the command line."""

import contextlib
import importlib.util
import pathlib
import re
import sys
import traceback
import types
from collections.abc import Iterator, Sequence

import ml_collections
from absl import flags
from ml_collections import config_flags

import lmkjax
from lmkjax import files
from lmkjax.errors import UserError
from lmkjax.experiment import ranges

OURS = pathlib.Path(lmkjax.__file__).resolve().parents[1] / "configs"
WANTED = "`def get_config(size='laptop')` that returns a config of `base.get_config`"


def split(file: str) -> tuple[str, str]:
    """`FILE` and the size behind its colon, "" where there is none."""
    path, colon, size = file.rpartition(":")
    return (path, size) if colon and not set(size) & set("/\\") else (file, "")


def load_config(
    file: str, overrides: Sequence[str], *, size: str
) -> ml_collections.ConfigDict:
    """The config that a command line asks for.

    Args:
        file: `FILE` or `FILE:size`.
        overrides: `--config.field=value`, one string each.
        size: taken where `file` names none.

    Returns:
        The config, locked.

    Raises:
        UserError: no such file, size, field, a value of the wrong type, or an error
            in the file, with its line.
    """
    path, named = split(file)
    size = named or size
    there = files.local(path, flag="--config")
    if not there.is_file() or there.suffix != ".py":
        raise UserError(
            f"Wanted a config file, a .py; there is no '{path}'. Run from the"
            " repository's root with, for instance, --config configs/daln.py"
        )
    if size not in ranges.SIZES:
        raise UserError(
            f"Unknown size '{size}' in '{file}'; known: {list(ranges.SIZES)}."
        )
    config = _override(_read(there, size), overrides)
    if any(word.startswith("--config.size") for word in overrides):
        raise UserError(
            "--config.size changes no other field; a size stands behind the file:"
            f" --config {path}:{config.size}"
        )
    return config


def _read(file: pathlib.Path, size: str) -> ml_collections.ConfigDict:
    """What the file's `get_config` says."""
    with _our_configs(file), _beside(file), _told(file):
        spec = importlib.util.spec_from_file_location("config_of_a_run", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if not callable(getattr(module, "get_config", None)):
            raise UserError(f"{file}: wanted {WANTED}; there is none.")
        config = module.get_config(size)
    if not isinstance(config, ml_collections.ConfigDict):
        raise UserError(
            f"{file}: wanted {WANTED}; it returned {type(config).__name__}. Is its last"
            " line `return config`?"
        )
    return config


def _override(
    config: ml_collections.ConfigDict, overrides: Sequence[str]
) -> ml_collections.ConfigDict:
    """The config with the fields that the command line sets."""
    values, argv = flags.FlagValues(), ["lmkjax", *overrides]
    try:
        config_flags.DEFINE_config_dict(
            "config", config, flag_values=values, sys_argv=argv
        )
        rest = values(argv)[1:]
    except flags.UnrecognizedFlagError as error:
        raise UserError(
            f"Unknown flag --{error.flagname}; a field of the config is set by"
            " --config.FIELD=VALUE, and --help tells the rest."
        ) from error
    except (AttributeError, KeyError) as error:
        raise UserError(
            f"No such field in {' '.join(overrides)}.{_meant(error)} Every field stands"
            " in configs/base.py with its unit."
        ) from error
    except (flags.Error, TypeError, ValueError, SyntaxError) as error:
        raise UserError(
            f"{' '.join(str(error).split())}. Every field stands in configs/base.py"
            " with its unit and legal values."
        ) from error
    if rest:
        raise UserError(
            f"Unknown arguments {rest}; a field is set by --config.field=value."
        )
    return values.config.lock()


@contextlib.contextmanager
def _our_configs(file: pathlib.Path) -> Iterator[None]:
    """Meanwhile `configs` is the file's own folder, if it is called so, then ours.

    A folder `configs` elsewhere on Python's path, such as the current one's, hides
    nothing.
    """
    beside = file.resolve().parent
    folders = [beside] * (beside.name == "configs" and beside != OURS) + [OURS]
    before = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "configs"}
    package = types.ModuleType("configs")
    package.__path__ = [str(folder) for folder in folders]
    for name in before:
        del sys.modules[name]
    sys.modules["configs"] = package
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] == "configs"]:
            del sys.modules[name]
        sys.modules.update(before)


@contextlib.contextmanager
def _beside(file: pathlib.Path) -> Iterator[None]:
    """Meanwhile modules beside the file can be imported, as of a script.

    They hide none that can be imported anyhow, and are forgotten afterwards.
    """
    folder, before = str(file.resolve().parent), set(sys.modules)
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            own = getattr(sys.modules[name], "__file__", None)
            if own and pathlib.Path(own).resolve().parent == pathlib.Path(folder):
                del sys.modules[name]


@contextlib.contextmanager
def _told(file: pathlib.Path) -> Iterator[None]:
    """Tells an error in a config file in one line: file, line, what."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        if key := re.search(r'Key "(\w+)" does not exist', said):  # all fields follow
            said = f"a config has no field '{key[1]}'.{_meant(error)}"
        where = _place(error, file)
        end = "" if said.endswith((".", "?")) else "."
        raise UserError(f"{where}: {said[:400]}{end}{_hidden(file, said)}") from error


def _meant(error: Exception) -> str:
    """The name that ml_collections takes a wrong one for, as a question."""
    name = re.search(r'Did you mean "(\w+)"', str(error))
    return f' Did you mean "{name[1]}"?' if name else ""


def _place(error: Exception, file: pathlib.Path) -> str:
    """The deepest line of the person's own: of the file, or of what it imports."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    home = file.resolve().parent
    for frame in reversed(frames):
        if pathlib.Path(frame.filename).resolve().is_relative_to(home):
            return f"{frame.filename}, line {frame.lineno}"
    return f"{file}"


def _hidden(file: pathlib.Path, said: str) -> str:
    """Which of our config files one of the same name beside the file hides."""
    beside = file.resolve().parent
    if beside == OURS or beside.name != "configs":
        return ""
    names = sorted(f.stem for f in OURS.glob("[!_]*.py") if (beside / f.name).exists())
    named = [name for name in names if f"configs.{name}" in said]
    if not named:
        return ""
    return (
        f" ({beside}/{named[0]}.py hides lmkjax's own configs/{named[0]}.py here; call"
        " the folder or the file otherwise to have ours.)"
    )
