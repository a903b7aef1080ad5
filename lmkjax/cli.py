"""`lmkjax VERB ...`: how flags are declared and read, and one clear line of error."""

import _thread
import argparse
import contextlib
import datetime
import difflib
import errno
import hashlib
import importlib
import math
import os
import pathlib
import platform
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

import platformdirs
from absl import logging

import lmkjax
from lmkjax import errors, memory
from lmkjax.errors import UserError

SEEDS = 2**31 - 1
"""So many seeds there are, as `seed` of a config: the next one still is an int32."""
PAUSE_S = 10.0
"""Seconds between two lines of how far a job is."""

VERBS = {
    "train": "train a network, measure it and write a report",
    "evaluate": "measure a trained run, or predictions of any system",
    "predict": "find the landmarks on pictures",
    "render": "draw synthetic faces with their landmarks",
    "export": "a trained run as one small folder, or as ONNX, StableHLO, TFLite",
    "demo": "serve a page on this machine, to try it in a browser",
    "reproduce": "make the tables of both source documents, and a report",
}


DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
DISK |= {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG}
"""What a full disk, or a file or folder that cannot be opened or written, says."""


def flag(name: str) -> str:
    """How a field of the options is spelt on the command line."""
    return f"--{name.replace('_', '-')}"


class _Help(argparse.RawDescriptionHelpFormatter):
    """Text as it was written, and what is taken where a flag is not given."""

    def _get_help_string(self, action: argparse.Action) -> str:
        told = action.help or ""
        nothing = action.default in (None, "", [], argparse.SUPPRESS)
        if action.option_strings and not nothing and action.default is not False:
            told += " (default: %(default)s)"
        return told


class Parser(argparse.ArgumentParser):
    """The flags of a command, declared alike for all.

    Spelt with hyphens; underscores, as they once were, still work. A flag is written
    out: no abbreviation stands for it. What cannot be read is a UserError.

    Args:
        passes: flags that begin so are not this parser's: `parse_known_args` hands
            them on. All others that it does not know are refused.
        **told: what argparse takes: prog, description, epilog.
    """

    def __init__(self, *, passes: str | None = None, **told):
        super().__init__(allow_abbrev=False, formatter_class=_Help, **told)
        self._passes = passes

    def parse_known_args(self, args=None, namespace=None):
        """The options, and the words that `passes` hands on."""
        words = sys.argv[1:] if args is None else list(args)
        options, rest = super().parse_known_args(list(map(self._now, words)), namespace)
        self._refuse_empty(options)
        value_may_follow = False
        for word in rest:
            flag = word.startswith("-")
            ours = self._passes and word.startswith(self._passes)
            if not (ours or (value_may_follow and not flag)):
                self._refuse(word)
            value_may_follow = ours and "=" not in word
        return options, rest

    def error(self, message: str) -> NoReturn:
        """Raises what argparse found wrong."""
        told = message.removeprefix("argument ").rstrip(".")
        raise UserError(f"{told}; `{self.prog} --help` tells the flags.")

    def at_least(self, least: int, options: argparse.Namespace, name: str) -> None:
        """Refuses a whole number below `least`.

        Raises:
            UserError: it is.
        """
        if (value := getattr(options, name)) is not None and value < least:
            self.error(f"{flag(name)} wants {least} or more; got {value}")

    def a_seed(self, options: argparse.Namespace) -> None:
        """Refuses a `--seed` that a run's config refuses too.

        Raises:
            UserError: it is below 0 or too large.
        """
        if (value := options.seed) is not None and not 0 <= value < SEEDS:
            self.error(f"--seed wants 0 to {SEEDS - 1}; got {value}")

    def above_0(self, options: argparse.Namespace, name: str) -> None:
        """Refuses a number that is not above 0, or not finite.

        Raises:
            UserError: it is not.
        """
        if not 0 < (value := getattr(options, name)) < math.inf:  # NaN neither
            self.error(f"{flag(name)} wants a number above 0; got {value}")

    def _now(self, word: str) -> str:
        """A flag as it is spelt now."""
        if not word.startswith("--") or (
            self._passes and word.startswith(self._passes)
        ):
            return word
        flag, equals, value = word.partition("=")
        return flag.replace("_", "-") + equals + value

    def _refuse_empty(self, options: argparse.Namespace) -> None:
        """Refuses "", as a script gives it: it is not as if nothing were given."""
        for action in self._actions:
            value = getattr(options, action.dest, None)
            empty = "" in value if isinstance(value, list) else value == ""
            if empty and action.default != "":
                flag = (action.option_strings or [action.metavar])[-1]
                self.error(f"{flag} wants a value; got '' (a variable without one?)")

    def _refuse(self, word: str) -> NoReturn:
        flag = word.partition("=")[0]
        known = re.findall(r"--[a-z0-9-]+", self.format_usage())
        near = difflib.get_close_matches(flag, known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        kind = "flag" if word.startswith("-") else "argument"
        raise UserError(
            f"Unknown {kind} '{flag}'.{hint} `{self.prog} --help` tells the flags."
        )


def keep_ctrl_c() -> None:
    """Has a Ctrl-C count that comes where nothing can be raised.

    In a garbage collection, which JAX has a hand in, Python prints it and goes on.
    """
    usual = sys.unraisablehook

    def hook(lost) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            return usual(lost)
        again = threading.Timer(0.05, _thread.interrupt_main)
        again.daemon = True
        again.start()

    sys.unraisablehook = hook


def run(main: Callable[[Sequence[str] | None], int | None]) -> None:
    """Ends the process with what `main` returns, or with one line of what was wrong."""
    logging.set_verbosity("error")  # libraries' notes are not for the person here
    keep_compiled()
    memory.keep()
    keep_ctrl_c()
    with contextlib.suppress(AttributeError):  # names that it cannot show come escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(main(None) or 0)
    except UserError as error:
        _fail(str(error))
    except ImportError as error:
        if not (why := errors.not_installed(error)):
            raise
        _fail(why)
    except BrokenPipeError:  # the reader of our output has gone
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK:
            raise
        where = f" '{error.filename}'" if error.filename else ""
        _fail(f"Cannot read or write{where}: {error.strerror}.")
    except KeyboardInterrupt:
        _end("Stopped by Ctrl-C. What is on disk is whole.", code=130)
    except Exception as error:
        if not errors.out_of_memory(error):
            raise
        _fail(
            f"Out of memory ({' '.join(str(error).split())[:160] or 'MemoryError'})."
            " Fewer faces at once need less: --batch of predict, evaluate, render; in"
            " training --config.train.batch, or the same batch in parts,"
            " --config.train.accumulate=4, and --config.eval.batch for measuring."
        )


def keep_compiled() -> None:
    """Lets JAX keep what it compiles in a folder of the user's cache, up to 2 GB.

    JAX_COMPILATION_CACHE_DIR, where it is set, names the folder; empty, or with
    JAX_ENABLE_COMPILATION_CACHE=false, nothing is kept.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    # Code for one CPU does not run on another, and a home may be shared by several.
    folder = platformdirs.user_cache_path("lmkjax") / "compiled" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # no home, or one that cannot be written: compiled anew each time
        return
    kept = {
        "jax_compilation_cache_dir": str(folder),
        "jax_compilation_cache_max_size": 2 * 10**9,
        "jax_persistent_cache_min_compile_time_secs": 0.3,
    }
    # By the environment, so that JAX need not be imported, and for child processes.
    for name, value in kept.items():
        if name.upper() not in os.environ:
            os.environ[name.upper()] = str(value)
            if jax := sys.modules.get("jax"):
                jax.config.update(name, value)


def _processor() -> str:
    """A short name for this kind of CPU: what it can do."""
    told = [platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        text = pathlib.Path("/proc/cpuinfo").read_text()
        wanted = ("model name", "flags", "Features", "CPU part")
        told += sorted({x for x in text.splitlines() if x.startswith(wanted)})
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def _fail(why: str) -> NoReturn:
    """Says what was wrong and ends the process at once."""
    _end(f"error: {why}", code=2)


def _end(why: str, *, code: int) -> NoReturn:
    """Says why and ends the process at once.

    On its way out it would wait for all threads, and those of Orbax wait ten minutes
    for the rest of a checkpoint that could not be written.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    print(why, file=sys.stderr, flush=True)
    os._exit(code)


def dispatch(argv: Sequence[str] | None = None) -> int | None:
    """Calls the verb's own `main` with what follows the verb."""
    verb, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if verb in ("-h", "--help"):
        print("usage: lmkjax VERB [options]\n\nverbs:")
        for name, what in VERBS.items():
            print(f"  {name:11}{what}")
        print("\n`lmkjax VERB --help` tells a verb's options; --version the version.")
        return 0
    if verb == "--version":
        print(f"lmkjax {lmkjax.__version__}")
        return 0
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise UserError(f"Unknown verb '{verb}'; known: {', '.join(VERBS)}.{hint}")
    return importlib.import_module(f"lmkjax.{verb}").main(rest)


def main() -> None:
    """The console script."""
    run(dispatch)


class Progress:
    """Says how far a long job is, every ten seconds at most.

    Attributes:
        done: things.
    """

    def __init__(self, things: str = "photos"):
        self._things, self.done = things, 0
        self._first, self._begin, self._said = None, 0.0, time.monotonic()

    def __call__(self, done: int, of: int | None) -> None:
        """Takes note of how many things of how many, where that is known, are done."""
        now, self.done = time.monotonic(), done
        if self._first is None:  # before it: compiling, and what was done long ago
            self._first, self._begin = done, now
        if now - self._said < PAUSE_S or done == of:
            return
        self._said = now
        told = (
            f"{done} {self._things}" if of is None else f"{done} of {of} {self._things}"
        )
        if done > self._first:
            rate = (done - self._first) / (now - self._begin)
            told += f", {rate:.1f} a second"
            if of is not None:
                left = datetime.timedelta(seconds=round((of - done) / rate))
                told += f", {left} to go"
        print(told, file=sys.stderr, flush=True)
