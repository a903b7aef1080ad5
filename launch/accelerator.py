"""What an accelerator makes of training steps and of drawing, in at most 8 minutes.

Run:  python -m launch.accelerator --out accelerator.jsonl

Every part has processes of its own. First all compile at the same time, into JAX's
compilation cache; then one after another measures, from the cache and alone on the
device. A part's lines are written as soon as there are some; one that fails, or that
the time does not suffice for, is named and the others go on. It needs neither TFDS nor
Grain nor ml_collections: what no step calls is stood in for.
"""

import concurrent.futures
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator, Sequence

from lmkjax import cli

SIZES = ("tiny", "laptop", "full")
PARTS = ("synthetic_only", "daln", "draw_small", "draw_large", "profile", "torch")
SAME = {"profile": "daln"}
"""Parts whose program another one compiles."""
ONLY = "--compile-only"
START_S = 15.0
"""So long before a measurement begins: packages are imported, the cache is read."""


class Fields(dict):
    """A config where there is no ml_collections: its fields are attributes."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__

    def lock(self) -> "Fields":
        """Itself: nobody misspells a field here."""
        return self


class Absent(types.ModuleType):
    """A package that is imported and never called."""

    def __getattr__(self, name: str) -> type:
        """Stands where a class would."""
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def stand_in() -> list[str]:
    """Makes importable what no step calls; returns what was not there."""
    names = ("ml_collections", "grain", "tensorflow_datasets")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    for name in missing:
        sys.modules[name] = Absent(name)
    if "ml_collections" in missing:
        sys.modules["ml_collections"].ConfigDict = Fields
    return missing


def told(name: str, options) -> Iterator[dict]:
    """A part's lines, each with what it ran on and how that was compiled."""
    if importlib.util.find_spec("torch") is None and name == "torch":
        yield {"part": name, "failed": "PyTorch is not installed"}
        return
    missing = stand_in()
    import jax

    from launch import workloads

    told = {
        "part": name,
        "device": jax.devices()[0].device_kind,
        "size": options.size,
        "jax": jax.__version__,
        "xla_options": {} if name == "torch" else workloads.asked_of_xla(options),
    }
    if missing:
        told["stood_in_for"] = missing
    began = time.perf_counter()
    measure = workloads.PARTS[name](options)
    if options.compile_only:
        yield told | {"compiled_in_s": round(time.perf_counter() - began, 1)}
        return
    for line in measure():
        yield told | line


def apart(name: str, argv: Sequence[str], seconds: float) -> Iterator[dict]:
    """A part's lines, from a process of its own that ends within the time."""
    words = [sys.executable, "-m", "launch.accelerator", "--part", name, *argv]
    seconds, failed = max(seconds, 0.1), ""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds)
        out, said = done.stdout, done.stderr.strip().splitlines()
        if done.returncode:
            failed = said[-1] if said else f"exit code {done.returncode}"
    except subprocess.TimeoutExpired as error:
        what = "compiled" if ONLY in argv else "measured"
        out, failed = error.stdout or "", f"not {what} within {seconds:.0f} s"
        out = out.decode() if isinstance(out, bytes) else out
    for line in out.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
    if failed:
        yield {"part": name, "failed": failed}


def measured(argv: Sequence[str], minutes: float, seconds: float) -> Iterator[dict]:
    """The lines of all parts: of compiling, then of measuring what has compiled.

    Args:
        argv: the flags that the parts are given.
        minutes: for all.
        seconds: of each measurement; with as many more for its start as it takes, they
            are kept for measuring, but half of the time is there to compile in.
    """
    until = time.monotonic() + 60 * minutes
    keep = min(len(PARTS) * (seconds + START_S), 30 * minutes)
    names, failed = [name for name in PARTS if name not in SAME], set()
    # A TPU belongs to one process at a time.
    together = 1 if importlib.util.find_spec("libtpu") else len(names)

    def compiled(name: str) -> list[dict]:
        left = until - keep - time.monotonic()
        return list(apart(name, [*argv, ONLY], left))

    with concurrent.futures.ThreadPoolExecutor(together) as pool:
        jobs = [pool.submit(compiled, name) for name in names]
        for job in concurrent.futures.as_completed(jobs):
            failed |= {line["part"] for line in job.result() if "failed" in line}
            yield from job.result()
    for name in PARTS:
        of = SAME.get(name, name)
        if of not in failed:
            yield from apart(name, argv, until - time.monotonic())
        elif name in SAME:
            yield {"part": name, "failed": f"the step of {of} has not compiled"}


@contextlib.contextmanager
def compiled_kept() -> Iterator[None]:
    """All programs go into JAX's cache, one for now if none is set, however small."""
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
            os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the parts and writes a line of JSON for each figure; the exit code."""
    parser = cli.Parser(
        prog="python -m launch.accelerator", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--size", default="full", help="of the configs", choices=SIZES)
    parser.add_argument("--batch", type=int, default=0, help="faces; 0 = the config's")
    parser.add_argument(
        "--faces",
        type=int,
        default=0,
        help="drawn together, per chip; 0 = as many as are drawn at the same time",
    )
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="of each measurement"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts")
    parser.add_argument("--lines", type=int, default=15, help="of the profile")
    parser.add_argument(
        "--quick-compile",
        action="store_true",
        help="a GPU's kernels are hardly tuned: several times as quick to compile, and"
        " figures are lower bounds",
    )
    parser.add_argument("--eager-only", action="store_true", help="no torch.compile")
    parser.add_argument("--out", default="", help="a file for the lines as well")
    parser.add_argument("--part", choices=PARTS, help="this one alone, in this process")
    parser.add_argument(
        ONLY, action="store_true", help="with --part: compiles it and measures nothing"
    )
    options = parser.parse_args(argv)
    if options.compile_only and not options.part:
        parser.error(f"{ONLY} wants --part")
    for name in ("batch", "faces"):
        parser.at_least(0, options, name)
    for name in ("seconds", "minutes"):
        parser.above_0(options, name)
    # Several processes share the memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if options.part:
        for line in told(options.part, options):
            print(json.dumps(line), flush=True)
        return 0
    given, figures = list(sys.argv[1:] if argv is None else argv), 0
    with compiled_kept():
        for line in measured(given, options.minutes, options.seconds):
            figures += not line.keys() & {"failed", "compiled_in_s"}
            print(text := json.dumps(line), flush=True)
            if options.out:
                with open(options.out, "a") as file:
                    file.write(text + "\n")
    return int(not figures)


if __name__ == "__main__":
    cli.run(main)
