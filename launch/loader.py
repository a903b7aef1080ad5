"""How many faces a second the loader makes alone, without a device.

Run:  python launch/loader.py --data-dir data/ibug_300w/folder-.../1.0.1 --size 384

It prints one line of JSON. `taskset -c 0` before it lends it one core. A training
wants more than `batch / seconds per step`; `data.workers` and `data.ahead` are its
fields.
"""

import argparse
import itertools
import json
import sys
import time

from lmkjax.data import sources, streams
from lmkjax.errors import UserError
from lmkjax.landmarks import points


def measure(
    canvases: streams.Canvases, *, batch: int, seconds: float, loading: streams.Loading
) -> float:
    """Faces per second, after the first two batches.

    Args:
        canvases: the faces.
        batch: faces per batch.
        seconds: to measure, about.
        loading: what the host puts into it.
    """
    stream = streams.train(canvases, batch=batch, seed=0, loading=loading)
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


def main(argv: list[str] | None = None) -> int:
    """Prints the figure for a prepared dataset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-dir", required=True, help="what data_builders.build printed"
    )
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch", type=int, default=128, help="faces")
    parser.add_argument("--size", type=int, default=384, help="of a canvas, pixels")
    parser.add_argument("--margin", type=float, default=2.175, help="of a canvas")
    parser.add_argument("--up", type=float, default=0.087, help="of a canvas")
    parser.add_argument("--workers", type=int, default=0, help="0 = as many as cores")
    parser.add_argument("--ahead", type=int, default=4, help="batches")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--keep", action="store_true", help="keep cut faces in memory")
    flags = parser.parse_args(argv)
    try:
        source = sources.load(flags.data_dir, flags.split)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    framing = points.Framing(flags.margin, flags.up)
    canvases = streams.Canvases(
        source, framing=framing, size=flags.size, keep=flags.keep
    )
    if canvases.keep:
        for index in range(len(canvases)):
            canvases[index]
    loading = streams.Loading(flags.workers, flags.ahead)
    speed = measure(canvases, batch=flags.batch, seconds=flags.seconds, loading=loading)
    told = {
        "faces_per_s": round(speed, 1),
        "cores": streams.cores(),
        "workers": flags.workers or streams.cores(),
    }
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
