"""What the TPU compiler says of the training step on pods, without a pod.

The real step of a config, at size `full`, is compiled ahead of time for slices of
growing size, the faces per chip held, and its work, memory and collectives are read
off the compiled program. Weak scaling is flat where a chip's share stays the same.
"""

import dataclasses
import importlib
import math
import os
import pathlib
import sys
import time
from collections.abc import Iterable, Sequence

import jax
import ml_collections
import numpy as np
from jax.experimental import topologies

from launch import programs
from lmkjax import errors
from lmkjax.experiment import parts, plan
from lmkjax.face import drawing
from lmkjax.face.priors import options as priors
from lmkjax.training import mesh as meshes
from lmkjax.training import state

ACCELERATORS = {"v5e": "v5litepod", "v6e": "v6e", "v5p": "v5p"}
MEMORY = {"v5e": 16, "v6e": 32, "v5p": 95}
"""GiB of a chip."""


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What the compiler says of one step on one slice; sizes and work per chip.

    Attributes:
        config: of the step, its name.
        slice_: kind and shape.
        chips: how many.
        faces: of a batch, per chip.
        shared: whether large parameters are shared out.
        flops: floating-point operations.
        accessed_bytes: of memory read and written.
        memory_bytes: arguments, results and temporaries together.
        state_bytes: of the parameters, their averages and moments.
        cycles: the compiler's own estimate of the time, by kind of instruction, and
            how many there are, see `programs.Program.cycles`.
        collectives: bytes of what each kind hands over, and how many there are.
        compile_s: seconds that compiling took here.
    """

    config: str
    slice_: str
    chips: int
    faces: int
    shared: bool
    flops: float
    accessed_bytes: float
    memory_bytes: int
    state_bytes: int
    cycles: dict[str, tuple[int, int]]
    collectives: dict[str, tuple[int, int]]
    compile_s: float

    @property
    def million_cycles(self) -> float:
        """Of all kinds of instruction together."""
        return sum(own for own, _ in self.cycles.values()) / 1e6


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


def asked(config: ml_collections.ConfigDict) -> plan.Experiment:
    """The objects of a config, without the runs that it would go on from.

    Where it begins, and whose labels it learns, does not change what a step costs.
    """
    experiment, drawn = plan.build(config, to_train=False), None
    if config.data.source == "rendered":
        drawn = drawing.Drawn(
            experiment.faces.size, priors.choose("photo", config.data.priors), None, 0
        )
    labeller = config.data.pseudo_labels
    return dataclasses.replace(
        experiment,
        drawn=drawn,
        pseudo_labels=pathlib.Path(labeller) if labeller else None,
    )


def compile_step(
    slice_: str,
    *,
    faces: int,
    fsdp_min_size: int = 0,
    size: str = "full",
    rendered: bool = False,
    config: str = "daln",
) -> Compiled:
    """Compiles the step of a config for a slice and reads off what it costs.

    Args:
        slice_: kind and shape, such as "v5e:4x4".
        faces: of a batch, per chip; of two domains, half of each.
        fsdp_min_size: parameters of so many numbers and more are shared out; 0 = none.
        size: of the config.
        rendered: draw the source's faces inside the step.
        config: a file of `configs/`, by its name.
    """
    given = importlib.import_module(f"configs.{config}").get_config(size)
    given.data.source = "rendered" if rendered else given.data.source
    given.train.fsdp_min_size = fsdp_min_size
    grid = meshes.build(devices_of(slice_))
    given.train.batch = faces * grid.size
    experiment = asked(given)
    start, one_step = parts.build_step(experiment, grid)
    now = state.shapes(start, grid, fsdp_min_size=fsdp_min_size)
    batches = parts.outline(experiment, grid)
    progress = jax.ShapeDtypeStruct((), np.float32, sharding=meshes.replicated(grid))
    began = time.monotonic()
    compiled = one_step.lower(now, batches, progress).compile()
    took = time.monotonic() - began
    program = programs.Program(compiled.as_text())
    cost, memory = compiled.cost_analysis(), compiled.memory_analysis()
    return Compiled(
        config,
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
        program.cycles(),
        program.collectives(),
        took,
    )


def table(rows: Iterable[Compiled]) -> str:
    """A Markdown table, a line for each compiled step."""
    lines = [
        "| config | slice | chips | faces / chip | parameters | GFLOP | GB accessed"
        " | GB memory | collectives (count, MB) | million cycles | compiled in |",
        "|---|---|--:|--:|---|--:|--:|--:|---|--:|--:|",
    ]
    for row in rows:
        moved = ", ".join(
            f"{kind} ({count}, {size / 1e6:.1f})"
            for kind, (size, count) in sorted(row.collectives.items())
        )
        lines.append(
            f"| `{row.config}` | {row.slice_} | {row.chips} | {row.faces} |"
            f" {'shared out' if row.shared else 'whole'} | {row.flops / 1e9:.1f} |"
            f" {row.accessed_bytes / 1e9:.2f} | {row.memory_bytes / 1e9:.2f} |"
            f" {moved or 'none'} | {row.million_cycles:.1f} | {row.compile_s:.0f} s |"
        )
    return "\n".join(lines)


def kinds(rows: Sequence[Compiled]) -> str:
    """A Markdown table of each step's million cycles, by kind of instruction."""
    found = {kind: None for row in rows for kind in row.cycles}
    heads = [f"`{row.config}`, {row.slice_}, {row.faces} a chip" for row in rows]
    lines = [
        f"| million cycles in | {' | '.join(heads)} |",
        "|---|" + "--:|" * len(rows),
    ]
    for kind in found:
        cells = []
        for row in rows:
            cycles, count = row.cycles.get(kind, (0, 0))
            own = cycles / 1e6
            cells.append(f"{own:.1f} ({own / row.million_cycles:.0%}, {count})")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def largest(slice_: str, *, first: int, step: int = 16, **asked) -> Compiled | None:
    """The step with the most faces a chip that its memory holds.

    A compile takes minutes: what each try found is a line of standard error.

    Args:
        slice_: kind and shape.
        first: faces a chip that are tried first.
        step: the most is looked for among this many faces and its multiples.
        **asked: as `compile_step` takes.

    Returns:
        None where not even `step` faces fit.
    """
    limit = MEMORY[slice_.partition(":")[0]] * 2**30
    best, fits, took, too_many, faces = None, 0, 0, math.inf, first
    while fits + step < too_many:
        row, reach = _fitting(slice_, faces, limit, asked), math.inf
        if row:
            # The compiler trades memory for work as a chip fills: what one more face
            # took of late may be nothing, and then twice as many are tried.
            one_more = (row.memory_bytes - took) / (faces - fits)
            best, fits, took = row, faces, row.memory_bytes
            room = (limit - took) / one_more if one_more > 0 else math.inf
            reach = fits + min(room, fits)
        else:
            too_many = faces
        faces = int(min(reach, (fits + too_many) / 2)) // step * step
        faces = max(fits + step, min(faces, too_many - step))
    return best


def _fitting(slice_, faces, limit, asked):
    """The compiled step, or None where its memory is more than a chip has."""
    try:
        row = compile_step(slice_, faces=faces, **asked)
        took = (
            f"{row.memory_bytes / 2**30:.2f} of {limit / 2**30:.0f} GiB,"
            f" {row.million_cycles / faces:.2f} million cycles a face"
        )
    except jax.errors.JaxRuntimeError as error:
        if not errors.out_of_memory(error):
            raise
        row, took = None, str(error).splitlines()[0]
    if row and row.memory_bytes > limit:
        row = None
    said = "fit" if row else "do not fit"
    print(f"{faces} faces a chip {said}: {took}", file=sys.stderr, flush=True)
    return row
