"""Trains a network and reports how good it is."""

import pathlib
from collections.abc import Sequence

from lmkjax import cli, files

EPILOG = """\
examples:
  python -m lmkjax.train --config configs/daln.py
  python -m lmkjax.train --config configs/daln.py:laptop --workdir runs/daln \\
      --config.data.ibug_300w=../300w --config.train.minutes=40

Every field of a config stands in configs/base.py with its unit and its legal values;
--config.FIELD=VALUE sets one. The same --workdir again goes on where the run stopped.
The folder then holds config.json, metrics.jsonl, tensorboard/, checkpoints/ and
report/ (results.md, results.json, curves and faces).
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Trains as the command line says; returns the exit code."""
    parser = cli.Parser(
        prog="lmkjax train",
        description=__doc__,
        epilog=EPILOG,
        passes="--config.",
    )
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE[:SIZE]",
        help="an experiment, at size tiny, laptop or full; without a size: laptop on a"
        " CPU, full on an accelerator",
    )
    parser.add_argument(
        "--workdir",
        metavar="DIR",
        help="the run's folder (default: runs/ and the experiment's name)",
    )
    many = parser.add_argument_group(
        "many hosts",
        "TPU pods, srun and mpirun are noticed by themselves; elsewhere give all three",
    )
    many.add_argument("--coordinator", metavar="HOST:PORT", help="of process 0")
    many.add_argument("--processes", type=int, metavar="N", help="how many there are")
    many.add_argument("--process", type=int, metavar="I", help="this one, from 0")
    parser.add_argument(
        "--stopped-code",
        type=int,
        default=0,
        metavar="CODE",
        help="exit code of a run that SIGTERM or Ctrl-C stopped and that saved itself:"
        " for a scheduler that takes 0 for done and begins anew what failed",
    )
    options, overrides = parser.parse_known_args(argv)
    if not 0 <= options.stopped_code <= 255:
        parser.error(f"--stopped-code wants 0 to 255; got {options.stopped_code}")

    from lmkjax import hosts  # imports JAX: not needed for --help
    from lmkjax.experiment import config_file, run

    file, size = config_file.split(options.config)
    workdir = options.workdir or f"runs/{pathlib.Path(file).stem}"
    workdir = files.local(workdir, flag="--workdir")

    hosts.join(options.coordinator, options.processes, options.process)
    with hosts.together():
        size = run.choose_size(size)
        config = config_file.load_config(file, overrides, size=size)
        finished = run.run(config, workdir)
    return 0 if finished else options.stopped_code


if __name__ == "__main__":
    cli.run(main)
