"""What every command shares: a config from the command line, one clear error."""

import contextlib
import errno
import os
import pathlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import ml_collections
from absl import flags, logging
from ml_collections import config_flags

from lmkjax.types import UserError

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
DISK |= {errno.EACCES, errno.EPERM, errno.ENOTDIR}
"""What a full disk or a folder that cannot be written says."""
SIZES = ("tiny", "laptop", "full")


def run(main: Callable[[Sequence[str] | None], int | None]) -> None:
    """Ends the process with what `main` returns, or with one line of what was wrong."""
    logging.set_verbosity("error")  # libraries' notes are not for the person here
    try:
        sys.exit(main(None) or 0)
    except UserError as error:
        _fail(str(error))
    except BrokenPipeError:  # the reader of our output has gone
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK:
            raise
        where = f" '{error.filename}'" if error.filename else ""
        _fail(f"Cannot write{where}: {error.strerror}.")


def _fail(why: str) -> NoReturn:
    """Says why and ends the process at once.

    On its way out it would wait for all threads, and those of Orbax wait ten minutes
    for the rest of a checkpoint that could not be written.
    """
    print(f"error: {why}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(2)


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
