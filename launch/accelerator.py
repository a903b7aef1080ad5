"""What an accelerator makes of training steps and of drawing, in at most 8 minutes.

Run:  python -m launch.accelerator --out accelerator.jsonl

Each part runs in a process of its own and writes its lines at once; one that fails, or
that the time does not suffice for, is named and the others go on. It needs neither
TFDS nor Grain nor ml_collections: what no step calls is stood in for.
"""

import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence

from lmkjax import cli

SIZES = {"tiny": (8, 16), "laptop": (64, 128), "full": (128, 256)}
"""Sides of the pictures that are drawn, pixels."""
PEAKS = {  # TFLOP/s of bfloat16 with sums in float32, dense
    "H100": 989,
    "H200": 989,
    "B200": 2250,
    "A100": 312,
    "L4": 121,
    "TPU v4": 275,
    "TPU v5 lite": 197,
    "TPU v5": 459,
    "TPU v6 lite": 918,
}


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


def peak(kind: str) -> float | None:
    """FLOP/s of a device by its name; None where it is not known."""
    found = [name for name in PEAKS if re.search(rf"\b{name}\b", kind)]
    return PEAKS[max(found, key=len)] * 1e12 if found else None


def ready(name: str, options):
    """A training step of a config, its state and batches; faces of a step; FLOPs."""
    import importlib

    import jax.numpy as jnp

    from lmkjax.experiment import parts, plan
    from lmkjax.reproduction import speed
    from lmkjax.training import mesh as meshes
    from lmkjax.training import state as states

    config = importlib.import_module(f"configs.{name}").get_config(options.size)
    config.train.init_from = ""
    if options.batch:
        config.train.batch = options.batch
    experiment, grid = plan.build(config), meshes.build()
    start, one_step = parts.build_step(experiment, grid)
    now = states.create(start, grid, seed=0)
    batches = speed.invented(experiment, grid)
    lowered = one_step.lower(now, batches, jnp.zeros(()))
    flops = (lowered.cost_analysis() or {}).get("flops")
    step = lowered.compile()
    return step, now, batches, sum(experiment.shares.values()), flops


def training(name: str, options) -> Iterator[dict]:
    """Images per second of a config's step, and its share of the peak."""
    import jax
    import jax.numpy as jnp

    step, now, batches, faces, flops = ready(name, options)
    for _ in range(3):
        now, metrics = step(now, batches, jnp.zeros(()))
    jax.block_until_ready(metrics)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < options.seconds or count < 3:
        for _ in range(5):
            now, metrics = step(now, batches, jnp.zeros(()))
        jax.block_until_ready(metrics)
        count += 5
    seconds = (time.perf_counter() - began) / count
    most = peak(jax.devices()[0].device_kind)
    reached = flops and flops / seconds / jax.device_count()
    yield {
        "images_per_s": round(faces / seconds, 1),
        "batch": faces,
        "ms": round(1000 * seconds, 2),
        "gflop": flops and round(flops / 1e9, 1),
        "share_of_peak": round(reached / most, 4) if most and reached else None,
    }


def drawing(number: int, options) -> Iterator[dict]:
    """Faces per second, drawn as a step draws them."""
    import jax
    import numpy as np

    from lmkjax.experiment import parts
    from lmkjax.face import drawing as faces
    from lmkjax.face.priors import options as priors
    from lmkjax.training import mesh as meshes

    side, grid = SIZES[options.size][number], meshes.build()
    drawn = faces.Drawn(side, priors.choose("photo", ""), None, 0)
    draw = jax.jit(parts.drawer(drawn, grid))
    many = options.faces * grid.size

    def go(first):
        numbers = np.arange(first, first + many, dtype=np.uint32)
        return draw(jax.device_put(numbers, meshes.over_faces(grid)))

    jax.block_until_ready(go(0))
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < options.seconds:
        jax.block_until_ready(go(count + many))
        count += many
    rate = count / (time.perf_counter() - began)
    yield {"side_px": side, "faces_per_s": round(rate, 1), "together": many}


def profile(options) -> Iterator[dict]:
    """What takes most of a step of daln.py, by operation."""
    import collections
    import tempfile

    import jax
    import jax.numpy as jnp

    step, now, batches, _, _ = ready("daln", options)
    for _ in range(3):
        now, metrics = step(now, batches, jnp.zeros(()))
    jax.block_until_ready(metrics)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            now, metrics = step(now, batches, jnp.zeros(()))
            jax.block_until_ready(metrics)
        (file,) = pathlib.Path(folder).rglob("*.xplane.pb")
        data = jax.profiler.ProfileData.from_file(str(file))
    took = collections.Counter()
    for plane in data.planes:
        for event in (event for line in plane.lines for event in line.events):
            if operation := dict(event.stats).get("hlo_op"):
                took[str(operation)] += event.duration_ns
    total, source = sum(took.values()), sources(step.as_text())
    for operation, ns in took.most_common(options.lines):
        yield {
            "operation": operation,
            "of": source.get(operation, ""),
            "ms": round(ns / 1e6, 3),
            "share": round(ns / total, 4),
        }


def sources(program: str) -> dict[str, str]:
    """Of each operation of a compiled program, what of ours it comes from."""
    pattern = r'^\s*(?:ROOT )?%?([\w.\-]+) = .*op_name="([^"]*)"'
    return dict(re.findall(pattern, program, flags=re.M))


def beside(options) -> Iterator[dict]:
    """The same network and loss in PyTorch and here."""
    from configs import base
    from launch import beside_torch

    model = base.get_config(options.size).model
    batch = options.batch or base.get_config(options.size).train.batch
    yield from beside_torch.compare(
        model, batch=batch, landmarks=[128], rounds=5, compiled=not options.eager_only
    )


PARTS: dict[str, Callable[..., Iterator[dict]]] = {
    "synthetic_only": lambda options: training("synthetic_only", options),
    "daln": lambda options: training("daln", options),
    "draw_small": lambda options: drawing(0, options),
    "draw_large": lambda options: drawing(1, options),
    "profile": profile,
    "torch": beside,
}


def told(name: str, options) -> Iterator[dict]:
    """A part's lines, each with what it ran on."""
    if importlib.util.find_spec("torch") is None and name == "torch":
        yield {"part": name, "failed": "PyTorch is not installed"}
        return
    missing = stand_in()
    import jax

    device = jax.devices()[0].device_kind
    told = {
        "part": name,
        "device": device,
        "size": options.size,
        "jax": jax.__version__,
    }
    if missing:
        told["stood_in_for"] = missing
    for line in PARTS[name](options):
        yield told | line


def apart(name: str, argv: Sequence[str], seconds: float) -> Iterator[dict]:
    """A part's lines, from a process of its own that ends within the time."""
    words = [sys.executable, "-m", "launch.accelerator", "--part", name, *argv]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=max(seconds, 0.1)
        )
        out, failed = (
            done.stdout,
            done.returncode
            and (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[
                -1
            ],
        )
    except subprocess.TimeoutExpired as error:
        out, failed = error.stdout or "", f"not done within {seconds:.0f} s"
        out = out.decode() if isinstance(out, bytes) else out
    for line in out.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
    if failed:
        yield {"part": name, "failed": failed}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the parts and writes a line of JSON for each figure; the exit code."""
    parser = cli.Parser(
        prog="python -m launch.accelerator", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--size", default="full", help="of the configs", choices=SIZES)
    parser.add_argument("--batch", type=int, default=0, help="faces; 0 = the config's")
    parser.add_argument(
        "--faces", type=int, default=64, help="drawn together, per chip"
    )
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="of each measurement"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts")
    parser.add_argument("--lines", type=int, default=15, help="of the profile")
    parser.add_argument("--eager-only", action="store_true", help="no torch.compile")
    parser.add_argument("--out", default="", help="a file for the lines as well")
    parser.add_argument("--part", choices=PARTS, help="this one alone, in this process")
    options = parser.parse_args(argv)
    # JAX and PyTorch share the memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if options.part:
        for line in told(options.part, options):
            print(json.dumps(line), flush=True)
        return 0
    given = list(sys.argv[1:] if argv is None else argv)
    until, failures = time.monotonic() + 60 * options.minutes, 0
    for name in PARTS:
        for line in apart(name, given, until - time.monotonic()):
            failures += "failed" in line
            print(text := json.dumps(line), flush=True)
            if options.out:
                with open(options.out, "a") as file:
                    file.write(text + "\n")
    return int(failures == len(PARTS))


if __name__ == "__main__":
    cli.run(main)
