"""What an accelerator is timed by: training steps, drawing, a profile, PyTorch.

A function of the flags compiles, and gives back what measures; see `accelerator`, whose
stand-ins for packages must be in place before this is imported.
"""

import collections
import importlib
import pathlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from configs import base
from lmkjax.experiment import parts, plan
from lmkjax.face import compiled
from lmkjax.face import drawing as faces
from lmkjax.face.priors import options as priors
from lmkjax.reproduction import speed
from lmkjax.training import mesh as meshes
from lmkjax.training import state as states

SIDES = {"tiny": (8, 16), "laptop": (64, 128), "full": (128, 256)}
"""Of the pictures that are drawn, pixels, by size."""
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
QUICK = {"xla_gpu_autotune_level": 1, "xla_gpu_enable_triton_gemm": False}
"""What spares XLA the trying out of hundreds of kernels; slower ones may come of it."""
Measure = Callable[[], Iterator[dict]]
"""What a part becomes once it has compiled: gives the lines of its figures."""


def peak(kind: str) -> float | None:
    """FLOP/s of a device by its name; None where it is not known."""
    found = [name for name in PEAKS if re.search(rf"\b{name}\b", kind)]
    return PEAKS[max(found, key=len)] * 1e12 if found else None


def ready(name: str, options):
    """A training step of a config, its state and batches; faces of a step; FLOPs."""
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
    step = lowered.compile(asked_of_xla(options))
    return step, now, batches, sum(experiment.shares.values()), flops


def asked_of_xla(options) -> dict:
    """The options that XLA compiles with, of those that it has."""
    return compiled.known(QUICK) if options.quick_compile else {}


def training(name: str, options) -> Measure:
    """Images per second of a config's step, and its share of the peak."""
    step, now, batches, faces, flops = ready(name, options)

    def measure():
        state = now  # a step takes its memory
        for _ in range(3):
            state, metrics = step(state, batches, jnp.zeros(()))
        jax.block_until_ready(metrics)
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < options.seconds or count < 3:
            for _ in range(5):
                state, metrics = step(state, batches, jnp.zeros(()))
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

    return measure


def drawing(number: int, options) -> Measure:
    """Faces per second, drawn as a step draws them."""
    side, grid = SIDES[options.size][number], meshes.build()
    drawn = faces.Drawn(side, priors.choose("photo", ""), None, 0)
    many = (options.faces or faces.at_once(jax.default_backend())) * grid.size

    def numbers(first: int):
        found = np.arange(first, first + many, dtype=np.uint32)
        return jax.device_put(found, meshes.over_faces(grid))

    lowered = jax.jit(parts.drawer(drawn, grid)).lower(numbers(0))
    draw = lowered.compile(asked_of_xla(options))

    def measure():
        jax.block_until_ready(draw(numbers(0)))
        began, count = time.perf_counter(), 0
        while not count or time.perf_counter() - began < options.seconds:
            jax.block_until_ready(draw(numbers(count + many)))
            count += many
        rate = count / (time.perf_counter() - began)
        yield {"side_px": side, "faces_per_s": round(rate, 1), "together": many}

    return measure


def profile(options) -> Measure:
    """What takes most of a step of daln.py, by operation."""
    step, now, batches, _, _ = ready("daln", options)

    def measure():
        state = now
        for _ in range(3):
            state, metrics = step(state, batches, jnp.zeros(()))
        jax.block_until_ready(metrics)
        with tempfile.TemporaryDirectory() as folder:
            with jax.profiler.trace(folder):
                state, metrics = step(state, batches, jnp.zeros(()))
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

    return measure


def sources(program: str) -> dict[str, str]:
    """Of each operation of a compiled program, what of ours it comes from."""
    pattern = r'^\s*(?:ROOT )?%?([\w.\-]+) = .*op_name="([^"]*)"'
    return dict(re.findall(pattern, program, flags=re.M))


def beside(options) -> Measure:
    """The same network and loss in PyTorch and here, each compiled as it is usual."""
    from launch import beside_torch

    model = base.get_config(options.size).model
    batch = options.batch or base.get_config(options.size).train.batch

    def measure(rounds=5):
        yield from beside_torch.compare(
            model,
            batch=batch,
            landmarks=[128],
            rounds=rounds,
            compiled=not options.eager_only,
        )

    if options.compile_only:  # it compiles what it first calls
        list(measure(rounds=1))
    return measure


PARTS: dict[str, Callable[..., Measure]] = {
    "synthetic_only": lambda options: training("synthetic_only", options),
    "daln": lambda options: training("daln", options),
    "draw_small": lambda options: drawing(0, options),
    "draw_large": lambda options: drawing(1, options),
    "profile": profile,
    "torch": beside,
}
"""By the names in `accelerator`."""
