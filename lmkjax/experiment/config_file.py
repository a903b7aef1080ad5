"""A config from its file and the command line."""

import pathlib
import re
from collections.abc import Sequence

import ml_collections
from absl import flags
from ml_collections import config_flags

from lmkjax.errors import UserError

SIZES = ("tiny", "laptop", "full")


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
        UserError: no such file, size, field, or a value of the wrong type.
    """
    path, _, named = file.partition(":")
    size = named or size
    if not pathlib.Path(path).is_file():
        raise UserError(
            f"Wanted a config file; there is no '{path}'. Run from the repository's"
            " root with, for instance, --config configs/daln.py"
        )
    if size not in SIZES:
        raise UserError(f"Unknown size '{size}' in '{file}'; known: {list(SIZES)}.")
    values = flags.FlagValues()
    argv = ["lmkjax", f"--config={path}:{size}", *overrides]
    config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=argv)
    try:
        rest = values(argv)[1:]
    except flags.UnrecognizedFlagError as error:
        raise UserError(
            f"Unknown flag --{error.flagname}; a field of the config is set by"
            " --config.FIELD=VALUE, and --help tells the rest."
        ) from error
    except (AttributeError, KeyError) as error:
        hint = re.search(r'Did you mean "(\w+)"', str(error))
        hint = f' Did you mean "{hint[1]}"?' if hint else ""
        raise UserError(
            f"No such field in {' '.join(overrides)}.{hint} Every field stands in"
            " configs/base.py with its unit."
        ) from error
    except (flags.Error, TypeError, ValueError) as error:
        raise UserError(
            f"{' '.join(str(error).split())}. Every field stands in configs/base.py"
            " with its unit and legal values."
        ) from error
    if rest:
        raise UserError(
            f"Unknown arguments {rest}; a field is set by --config.field=value."
        )
    return values.config.lock()
