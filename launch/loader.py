"""How many faces a second the loader makes alone, without a device.

Run:  python launch/loader.py --data-dir data/ibug_300w/folder-.../1.0.3 --size 384

It prints one line of JSON. `taskset -c 0` before it lends it one core. A training
wants more than `batch / seconds per step`; `data.workers`, `data.processes` and
`data.ahead` are its fields.
"""

import itertools
import json
import time
from collections.abc import Generator, Sequence

from lmkjax import cli


def measure(stream: Generator, *, batch: int, seconds: float) -> float:
    """Faces per second, after the first two batches.

    Args:
        stream: of batches without end; it is closed.
        batch: faces per batch.
        seconds: to measure, about.
    """
    try:
        for _ in itertools.islice(stream, 2):
            pass
        start, count, took = time.perf_counter(), 0, 0.0
        while took < seconds:
            next(stream)
            count, took = count + batch, time.perf_counter() - start
    finally:
        stream.close()
    return count / took


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figure for a prepared dataset."""
    parser = cli.Parser(
        prog="python launch/loader.py", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--data-dir", required=True, help="what data_builders.build printed"
    )
    parser.add_argument("--split", default="train", help="of the dataset")
    parser.add_argument("--batch", type=int, default=128, help="faces")
    parser.add_argument("--size", type=int, default=384, help="of a canvas, pixels")
    parser.add_argument("--margin", type=float, default=2.175, help="of a canvas")
    parser.add_argument("--up", type=float, default=0.087, help="of a canvas")
    parser.add_argument("--workers", type=int, default=0, help="0 = as many as cores")
    parser.add_argument("--processes", type=int, default=0, help="0 = threads")
    parser.add_argument("--ahead", type=int, default=4, help="batches")
    parser.add_argument("--seconds", type=float, default=10.0, help="to measure")
    parser.add_argument("--keep", action="store_true", help="keep cut faces in memory")
    flags = parser.parse_args(argv)
    for name in ("batch", "size", "ahead"):
        parser.at_least(1, flags, name)
    for name in ("workers", "processes"):
        parser.at_least(0, flags, name)
    for name in ("margin", "seconds"):
        parser.above_0(flags, name)
    if not -1 <= flags.up <= 1:
        parser.error(f"--up wants a share of a canvas's side; got {flags.up}")

    from lmkjax.data import sources, streams, workers
    from lmkjax.landmarks import points

    source = sources.load(flags.data_dir, flags.split)
    framing = points.Framing(flags.margin, flags.up)
    canvases = streams.Canvases(
        source, framing=framing, size=flags.size, keep=flags.keep
    )
    if canvases.keep:
        for index in range(len(canvases)):
            canvases[index]
    loading = workers.Loading(flags.workers, flags.ahead, flags.processes)
    stream = streams.train(canvases, batch=flags.batch, seed=0, loading=loading)
    speed = measure(stream, batch=flags.batch, seconds=flags.seconds)
    told = {
        "faces_per_s": round(speed, 1),
        "cores": workers.cores(),
        "workers": flags.workers or workers.cores(),
        "processes": flags.processes if canvases.portable else 0,
    }
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    cli.run(main)
