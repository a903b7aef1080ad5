"""Prepares a large set of rendered faces with Apache Beam, on one machine or many.

Run:  python -m data_builders.synthetic_faces.beam --count 1000000 --data-dir data
"""

import sys
from collections.abc import Sequence

from data_builders import flags
from lmkjax import cli
from lmkjax.errors import UserError

LOCAL = (
    # By its full name: "DirectRunner" looks for another runner on the internet first.
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=multi_processing",
)


def parser() -> cli.Parser:
    """The command line: a set's options; Beam's own come after `--`."""
    top = cli.Parser(
        prog="python -m data_builders.synthetic_faces.beam",
        description="Prepare a large set of rendered faces. Without anything after --"
        " the workers are processes on this machine; launch/README.md has the lines"
        " for Dataflow, Flink and Spark.",
        usage="%(prog)s [options] [-- BEAM FLAGS]",
    )
    top.add_argument(
        "--data-dir", default="data", help="folder or gs://, s3://, hdfs:// place"
    )
    top.add_argument(
        "--workers", type=int, default=0, help="on this machine; 0 = one for each core"
    )
    flags.synthetic_faces(top)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Prepares the set that the command line asks for and prints its folder."""
    argv = sys.argv[1:] if argv is None else list(argv)
    cut = argv.index("--") if "--" in argv else len(argv)
    options = vars(parser().parse_args(argv[:cut]))
    workers, of_beam = options.pop("workers"), argv[cut + 1 :]
    if of_beam and workers:
        raise UserError("Wanted --workers or Beam's own flags after --; got both.")

    from data_builders.synthetic_faces import beam_job  # imports Beam and JAX

    local = [*LOCAL, f"--direct_num_workers={workers}"]
    print(beam_job.prepare(beam_flags=of_beam or local, **options))
    return 0


if __name__ == "__main__":
    cli.run(main)
