"""Writes down what is expected of a head, as faces drawn from the priors have it."""

import io
import pathlib
from collections.abc import Sequence

from lmkjax import cli, files

OUT = pathlib.Path(__file__).parent / "expected.npz"


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the file; returns the exit code."""
    parser = cli.Parser(prog="python -m lmkjax.fitting", description=__doc__)
    add = parser.add_argument
    add("--out", default=str(OUT), metavar="FILE", help="an .npz file")
    add("--count", default=16_384, type=int, metavar="N", help="faces to draw")
    options = parser.parse_args(argv)
    if options.count < 2:
        parser.error(f"--count wants 2 or more, to tell a spread; got {options.count}")
    out = files.local(options.out, flag="--out")

    import numpy as np

    from lmkjax.fitting import expected

    numbers, content = expected.draw(options.count), io.BytesIO()
    np.savez_compressed(
        content,
        mean=numbers.mean(0).astype(np.float32),
        covariance=np.cov(numbers.T).astype(np.float32),
    )
    files.write(out, content.getvalue())
    print(f"{options.count} faces: {out}")
    return 0


if __name__ == "__main__":
    cli.run(main)
