"""What the TPU compiler says of the training step on pods, without a pod.

The real step of configs/daln.py at size `full` is compiled ahead of time for slices of
growing size, the faces per chip held, and its work, memory and collectives are read
off the compiled program. Weak scaling is flat where a chip's share stays the same.
"""

import collections
import dataclasses
import math
import os
import re
import time
from collections.abc import Iterable

import jax
import numpy as np
from jax.experimental import topologies

from configs import daln
from lmkjax.experiment import parts, plan
from lmkjax.training import mesh as meshes
from lmkjax.training import state
from lmkjax.types import Batch

ACCELERATORS = {"v5e": "v5litepod", "v6e": "v6e", "v5p": "v5p"}
COLLECTIVES = (
    "all-reduce",
    "reduce-scatter",
    "all-gather",
    "all-to-all",
    "collective-permute",
)
BYTES = {"f32": 4, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "pred": 1, "u8": 1, "s8": 1}


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What the compiler says of one step on one slice; sizes and work per chip.

    Attributes:
        slice_: kind and shape.
        chips: how many.
        faces: of a batch, per chip.
        shared: whether large parameters are shared out.
        flops: floating-point operations.
        accessed_bytes: of memory read and written.
        memory_bytes: arguments, results and temporaries together.
        state_bytes: of the parameters, their averages and moments.
        cycles: the compiler's own estimate of the time, see `cycles`.
        collectives: bytes of what each kind hands over, and how many there are.
        compile_s: seconds that compiling took here.
    """

    slice_: str
    chips: int
    faces: int
    shared: bool
    flops: float
    accessed_bytes: float
    memory_bytes: int
    state_bytes: int
    cycles: int
    collectives: dict[str, tuple[int, int]]
    compile_s: float


def devices_of(slice_: str) -> list[jax.Device]:
    """The chips of a slice such as "v5e:4x4", as the compiler knows them."""
    kind, _, shape = slice_.partition(":")
    chips = math.prod(int(n) for n in shape.split("x"))
    # libtpu must not look for chips or for a cloud.
    os.environ |= {
        "TPU_ACCELERATOR_TYPE": f"{ACCELERATORS[kind]}-{chips}",
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_WORKER_ID": "0",
    }
    jax.config.update("jax_platforms", "cpu")  # what is computed here meanwhile
    described = topologies.get_topology_desc(platform="tpu", topology_name=slice_)
    return described.devices


def compile_step(
    slice_: str,
    *,
    faces: int,
    fsdp_min_size: int = 0,
    size: str = "full",
    rendered: bool = False,
) -> Compiled:
    """Compiles the step of daln.py for a slice and reads off what it costs.

    Args:
        slice_: kind and shape, such as "v5e:4x4".
        faces: of a batch, per chip; half of each domain.
        fsdp_min_size: parameters of so many numbers and more are shared out; 0 = none.
        size: of the config.
        rendered: draw the source's faces inside the step.
    """
    config = daln.get_config(size)
    config.data.source = "rendered" if rendered else config.data.source
    config.train.fsdp_min_size = fsdp_min_size
    experiment = plan.build(config)
    grid = meshes.build(devices_of(slice_))
    init, optimizer, one_step = parts.build_step(experiment, grid)
    now = state.shapes(init, optimizer, grid, fsdp_min_size=fsdp_min_size)
    side = experiment.faces.size
    count = faces * grid.size // 2
    layout = meshes.over_faces(grid)

    def batch(landmarks: int) -> Batch:
        def array(shape, dtype):
            return jax.ShapeDtypeStruct((count, *shape), dtype, sharding=layout)

        return Batch(
            image=array((side, side, 3), np.uint8),
            points=array((landmarks, 2), np.float32),
            visibility=array((landmarks,), np.int8),
            box=array((4,), np.float32),
            mask=array((), bool),
        )

    source = experiment.faces.source.scheme.count
    batches = {"source": batch(source), "target": batch(68)}
    if rendered:  # a face is its number
        batches["source"] = jax.ShapeDtypeStruct((count,), np.uint32, sharding=layout)
    progress = jax.ShapeDtypeStruct((), np.float32, sharding=meshes.replicated(grid))
    began = time.monotonic()
    compiled = one_step.lower(now, batches, progress).compile()
    took = time.monotonic() - began
    program = compiled.as_text()
    cost, memory = compiled.cost_analysis(), compiled.memory_analysis()
    return Compiled(
        slice_,
        grid.size,
        faces,
        fsdp_min_size > 0,
        cost["flops"],
        cost["bytes accessed"],
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes,
        memory.alias_size_in_bytes,  # what is given back in place: the state
        cycles(program),
        collectives(program),
        took,
    )


def collectives(program: str) -> dict[str, tuple[int, int]]:
    """Bytes that each kind of collective hands over in a program, and how many."""
    found = collections.defaultdict(lambda: (0, 0))
    kinds = "|".join(COLLECTIVES)
    for line in program.splitlines():
        match = re.match(rf"\s*(?:ROOT )?%?\S+ = (.*?) ({kinds})(?:-start)?\(", line)
        if not match:
            continue
        size = sum(
            BYTES.get(kind, 4) * math.prod(int(n) for n in shape.split(",") if n)
            for kind, shape in re.findall(r"(\w+)\[([\d,]*)\]", match[1])
        )
        total, count = found[match[2]]
        found[match[2]] = (total + size, count + 1)
    return dict(found)


def cycles(program: str) -> int:
    """The cycles of a chip that the compiler expects a program to take.

    The sum over its instructions, those of loops once. What a collective takes is not
    in it: the compiler gives that no figure.
    """
    bodies, name, entry = {}, "", ""
    for line in program.splitlines():
        if match := re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", line):
            name = match[2]
            bodies[name] = []
            entry = name if match[1] else entry
        elif line.startswith(" "):
            bodies[name].append(line)

    def taken(name: str) -> int:
        total = 0
        for line in bodies[name]:
            own = re.search(r'"estimated_cycles":"(\d+)"', line)
            total += int(own[1]) if own else 0
            called = re.search(
                r" (?:while|call)\(.*(?:body|to_apply)=%?([\w.\-]+)", line
            )
            total += taken(called[1]) if called else 0
        return total

    return taken(entry)


def table(rows: Iterable[Compiled]) -> str:
    """A Markdown table, a line for each compiled step."""
    lines = [
        "| slice | chips | faces / chip | parameters | GFLOP | GB accessed | GB memory"
        " | collectives (count, MB) | million cycles | compiled in |",
        "|---|--:|--:|---|--:|--:|--:|---|--:|--:|",
    ]
    for row in rows:
        moved = ", ".join(
            f"{kind} ({count}, {size / 1e6:.1f})"
            for kind, (size, count) in sorted(row.collectives.items())
        )
        lines.append(
            f"| {row.slice_} | {row.chips} | {row.faces} |"
            f" {'shared out' if row.shared else 'whole'} | {row.flops / 1e9:.1f} |"
            f" {row.accessed_bytes / 1e9:.2f} | {row.memory_bytes / 1e9:.2f} |"
            f" {moved or 'none'} | {row.cycles / 1e6:.1f} | {row.compile_s:.0f} s |"
        )
    return "\n".join(lines)
