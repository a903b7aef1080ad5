"""Makes the tables and figures of both source documents, and a report of them."""

import argparse
import os
import pathlib
from collections.abc import Sequence

from lmkjax import cli, files

EPILOG = """\
examples:
  python -m lmkjax.reproduce --size tiny --out runs/tiny        # that everything runs
  python -m lmkjax.reproduce --ibug-300w 300w --dry-run
  python -m lmkjax.reproduce --ibug-300w 300w --only B --n-real 50,157
  python -m lmkjax.reproduce --ibug-300w 300w --jobs 2/4 --wait 600

A is the first document's table, B the second's Figure 4 and Table 2, points what the
number of points is worth. First it says what it will train and how long that takes
here, from a measured step of each kind that is left. Runs that are over are skipped,
one that broke off goes on, one that failed is tried again by the next call; a run is
done by one process at a time. --jobs I/N does every N-th run, beginning with the I-th:
several machines that see the same --out share the list. The folder then holds
report.md, report.html (one file), figures/ (of each run, as JSON), runs/ and logs/.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Does what the command line says; returns the exit code."""
    parser = _flags()
    options = parser.parse_args(argv)
    _refuse_what_cannot_be(parser, options)
    paths = {
        name: value and files.local(value, flag=cli.flag(name))
        for name in ("out", "ibug_300w", "face_synthetics", "data_dir")
        for value in [getattr(options, name)]
    }

    # What a step closes over is handed to it and not compiled into it: else each
    # adapter, of each number of faces and seed, would compile a step anew.
    os.environ.setdefault("JAX_USE_SIMPLIFIED_JAXPR_CONSTANTS", "1")
    from lmkjax.evaluation import tables
    from lmkjax.experiment import run as experiments  # imports JAX: not for --help
    from lmkjax.reproduction import appendix, figures, listing, speed, work

    out, size = paths["out"], experiments.choose_size(options.size)
    if size == "tiny":  # nearly all of its time is compiling
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
    request = listing.request(
        size,
        length=options.length,
        parts=options.only,
        keys=options.rows,
        seeds=options.seeds,
        n_real=options.n_real,
        photos=paths["ibug_300w"],
        face_synthetics=paths["face_synthetics"],
        home=paths["data_dir"],
    )
    plan = listing.plan(request)
    runs, job = list(plan.runs.values()), work.Job(*options.jobs)
    listing.settle(request, out)
    over = work.over(runs, out)
    left = [] if size == "tiny" else [run for run in runs if run.name not in over]
    estimate = speed.Estimate(
        speed.measure(left, out, size),
        speed.over(figures.load(out)),
        request.budget.batch,
        request.measured,
        request.budget.validation / request.budget.every,
    )
    todo = work.Work(runs, out, request.size, job, estimate, 60 * options.wait)
    _show(plan, todo)
    if options.dry_run:
        print("\n".join(run.command(out, request.size) for run in runs))
        return 0
    try:
        wrong = work.do(todo)
    finally:
        machine = f"Machine of the last sitting: {tables.hardware()}."
        about = [*request.about(), machine]
        found = figures.Found(
            out, request.size, request.there, about, plan.notes, runs, figures.load(out)
        )
        written = appendix.write(found, photos=options.show_photos)
        print("Report: " + " and ".join(map(str, written)))
    print("\n".join(wrong) or "All runs of this job are over.")
    return int(any(not line.endswith(work.STOPPED) for line in wrong))


def _show(plan, todo) -> None:
    """Prints what is planned, what is left out, and how long it takes."""
    from lmkjax.evaluation import tables
    from lmkjax.reproduction import speed

    over = todo.over()
    jobs = [todo.job.of(i) for i in range(len(todo.runs))]
    print(speed.table(todo.runs, todo.estimate, over, jobs))
    for note in plan.notes:
        print(note)
    mine = [run for run in todo.job.mine(todo.runs) if run.name not in over]
    seconds = todo.estimate.total(mine)
    told = f"about {speed.told(seconds)}" if seconds is not None else "not measured"
    share = f"job {todo.job.number} of {todo.job.count}, " * (todo.job.count > 1)
    print(
        f"{share}{len(mine)} runs to do of {len(todo.runs)}: {told} on"
        f" {tables.hardware()}.",
        flush=True,
    )


def _flags() -> cli.Parser:
    """The flags."""
    parser = cli.Parser(prog="lmkjax reproduce", description=__doc__, epilog=EPILOG)
    add = parser.add_argument
    add(
        "--size",
        choices=("tiny", "laptop", "full"),
        default="",
        help="laptop on a CPU and full on an accelerator, unless it is given",
    )
    parts = "A,B,points"
    add("--only", type=_names, default=parts, metavar=parts, help="these parts alone")
    add("--rows", type=_names, default="", metavar="NAMES", help="these rows alone")
    add("--seeds", type=int, metavar="N", help="of each row (default: 3; tiny 1)")
    add(
        "--n-real",
        type=_numbers,
        metavar="N,N",
        help="numbers of labelled real faces in B, beside all that there are (default:"
        " 25,50,157,315,630,1000; tiny 10,16)",
    )
    add(
        "--length",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="of every training's steps, where the whole does not fit; no more faces"
        " are rendered than the longest of them looks at",
    )
    add("--ibug-300w", metavar="FOLDER", help="300-W (default: a rendered stand-in)")
    add("--face-synthetics", metavar="PATH", help="Microsoft's zip or its folder")
    add("--data-dir", default="data", metavar="DIR", help="of prepared datasets")
    add("--out", default="runs/reproduce", metavar="DIR", help="of all that it makes")
    add("--dry-run", action="store_true", help="measure, say what is planned, and end")
    add(
        "--jobs",
        type=_job,
        default="1/1",
        metavar="I/N",
        help="do every N-th run, beginning with the I-th",
    )
    add(
        "--wait",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="for what another job has not finished",
    )
    add(
        "--show-photos",
        action="store_true",
        help="also show photos in the report, where your copy allows it",
    )
    return parser


def _names(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(dict.fromkeys(filter(None, text.replace(" ", "").split(","))))


def _numbers(text: str) -> tuple[int, ...]:
    """Whole numbers between commas, each 1 or more."""
    try:
        found = tuple(int(number) for number in _names(text))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise argparse.ArgumentTypeError(f"wants numbers such as 50,157; got '{text}'")
    return found


def _job(text: str) -> tuple[int, int]:
    """I/N as two numbers."""
    first, _, count = text.partition("/")
    if first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count):
        return int(first), int(count)
    raise argparse.ArgumentTypeError(
        f"wants I/N with I from 1 to N, such as 2/4; got '{text}'"
    )


def _refuse_what_cannot_be(parser: cli.Parser, options: argparse.Namespace) -> None:
    known = ("A", "B", "points")
    if not options.only or set(options.only) - set(known):
        came = ",".join(options.only)
        parser.error(f"--only wants some of {','.join(known)}; got '{came}'")
    parser.at_least(1, options, "seeds")
    if not 0 < options.length <= 100:  # NaN neither
        came = options.length
        parser.error(f"--length wants a share above 0, at most 100; got {came}")
    if not 0 <= options.wait < float("inf"):
        parser.error(f"--wait wants minutes from 0 on; got {options.wait}")
    for name in ("ibug_300w", "face_synthetics"):
        path = getattr(options, name)
        if path and "://" not in path and not pathlib.Path(path).expanduser().exists():
            flag = cli.flag(name)
            parser.error(f"{flag} wants a folder of this machine; there is no '{path}'")


if __name__ == "__main__":
    cli.run(main)
