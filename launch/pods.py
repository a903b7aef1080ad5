"""A table of what the TPU compiler says of the training step on pods.

Run, in an environment with `.[train,tpu]`:  python -m launch.pods > table.md
"""

import argparse
import itertools
import pathlib
import re
from collections.abc import Sequence

from lmkjax import cli
from lmkjax.errors import UserError

SLICES = ("v5e:2x2", "v5e:4x4", "v5e:16x16", "v6e:4x4")
CONFIGS = pathlib.Path(__file__).resolve().parents[1] / "configs"


def main(argv: Sequence[str] | None = None) -> int:
    """Compiles for every slice and prints the table; returns the exit code."""
    parser = cli.Parser(
        prog="python -m launch.pods",
        description="Compile the training step for slices of TPU pods, without a pod,"
        " and print what the compiler says of each.",
    )
    parser.add_argument("--faces", type=int, default=32, help="per chip")
    sizes = ("tiny", "laptop", "full")
    parser.add_argument("--size", default="full", choices=sizes, help="of the config")
    parser.add_argument(
        "--configs",
        nargs="+",
        type=_config,
        default=["daln"],
        help="files of configs/, by name",
    )
    parser.add_argument(
        "--slices",
        nargs="+",
        type=_slice,
        default=SLICES,
        help="kind and shape of each: v5e, v6e or v5p",
    )
    parser.add_argument(
        "--fsdp-min-size", type=int, default=0, help="as train.fsdp_min_size; 0 = whole"
    )
    parser.add_argument(
        "--rendered",
        action="store_true",
        help="draw the source's faces inside the step, as data.source=rendered does",
    )
    parser.add_argument(
        "--largest",
        action="store_true",
        help="find the most faces that fit, a multiple of 16; begins at --faces",
    )
    options = parser.parse_args(argv)
    parser.at_least(1, options, "faces")

    import libtpu  # noqa: F401  # the compiler: else JAX says only that it has none

    from launch import slices

    asked = {
        "fsdp_min_size": options.fsdp_min_size,
        "size": options.size,
        "rendered": options.rendered,
    }
    rows = []
    print(slices.table([]), flush=True)
    for slice_, config in itertools.product(options.slices, options.configs):
        if options.largest:
            row = slices.largest(slice_, first=options.faces, config=config, **asked)
        else:
            row = slices.compile_step(
                slice_, faces=options.faces, config=config, **asked
            )
        if row is None:
            raise UserError(f"Not even 16 faces fit into a chip of {slice_}.")
        rows.append(row)
        print(slices.table([row]).splitlines()[-1], flush=True)
    print(f"\n{slices.kinds(rows)}", flush=True)
    return 0


def _config(name: str) -> str:
    """The name of a file of `configs/`."""
    known = sorted(file.stem for file in CONFIGS.glob("[!_]*.py"))
    if name not in known:
        told = ", ".join(known)
        raise argparse.ArgumentTypeError(f"wants some of {told}; got '{name}'")
    return name


def _slice(text: str) -> str:
    """Kind and shape of a slice."""
    if not re.fullmatch(r"(v5e|v6e|v5p):[1-9]\d*(x[1-9]\d*){1,2}", text):
        raise argparse.ArgumentTypeError(f"wants such as v5e:4x4; got '{text}'")
    return text


if __name__ == "__main__":
    cli.run(main)
