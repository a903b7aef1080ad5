"""Trains the network that finds faces, on scenes of rendered heads alone.

Heads are rendered first, then put together in scenes, on all cores; both are kept in
the folder. Each step sees parts of some scenes, mirrored or not, in other colours each
time. The same command goes on where it was broken off.
"""

import argparse
import math
from collections.abc import Sequence

from lmkjax import cli, files

EPILOG = """\
example:
  python -m lmkjax.detect.finder --workdir runs/finder --steps 9000

40,960 scenes take 5.1 GB of the disk, and some 14 minutes of a core. The folder then
holds weights.npz, which `lmkjax predict --detector runs/finder` takes.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Trains as the command line says; returns the exit code."""
    options = _flags(argv)

    from lmkjax.detect.finder import heads, learning, targets
    from lmkjax.training import averaged

    workdir = files.local(options.workdir, flag="--workdir")
    workdir.mkdir(parents=True, exist_ok=True)
    with files.alone(workdir, wait=False, why=f"trains in {workdir}"):
        heads.load(workdir / "heads", count=options.heads, seed=options.seed)
        bank = targets.load(
            workdir / "scenes",
            workdir / "heads",
            count=options.scenes,
            size=options.size + learning.RIM,
            seed=options.seed,
        )
        own = [getattr(options, name) for name in learning.Options._fields]
        learning.train(workdir, bank, learning.Options(*own))
    print(workdir / averaged.EXPORTED)
    return 0


def _flags(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = cli.Parser(
        prog="python -m lmkjax.detect.finder",
        description=__doc__,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add("--workdir", required=True, metavar="DIR", help="a folder for all of it")
    add("--heads", type=int, default=2560, metavar="N", help="to render")
    add("--scenes", type=int, default=40_960, metavar="N", help="to put together")
    add("--steps", type=int, default=9000, metavar="N", help="of the optimiser")
    add("--batch", type=int, default=16, metavar="N", help="scenes a step")
    add("--size", type=int, default=160, metavar="PX", help="of what is seen")
    add("--rate", type=float, default=2e-3, metavar="R", help="of learning, at most")
    add("--minutes", type=float, default=0.0, metavar="M", help="of steps, at most")
    add("--seed", type=int, default=0, metavar="S", help="of all chance")
    options = parser.parse_args(argv)
    for name in ("heads", "scenes", "steps", "batch", "size"):
        parser.at_least(1, options, name)
    parser.a_seed(options)
    for name in ("rate", "minutes"):
        value = getattr(options, name)
        if not 0 <= value < math.inf:  # NaN neither
            parser.error(f"--{name} wants a number of at least 0; got {value}")
    if options.size % 32:
        parser.error(f"--size wants a multiple of 32; got {options.size}")
    return options


if __name__ == "__main__":
    cli.run(main)
