"""Makes the compact head that the project ships of FaceKit's official folder.

Run by hand, once:

    python -m lmkjax.studio.facekit --source FaceXModel --out head.npz
"""

import io
from collections.abc import Sequence

from lmkjax import cli, files


def main(argv: Sequence[str] | None = None) -> int:
    """Reads the folder and writes the compact head; returns the exit code."""
    parser = cli.Parser(
        prog="python -m lmkjax.studio.facekit", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("--source", required=True, metavar="FOLDER", help="FaceKit's, or its .npz")
    add("--out", required=True, metavar="FILE", help="the head, .npz")
    add("--modes", type=int, default=60, help="identity modes to keep")
    add(
        "--partial",
        action="store_true",
        help="make do with what a folder of samples has: fewer modes, and of the"
        " one-sided expressions those of which the other side is there too",
    )
    options = parser.parse_args(argv)

    import numpy as np

    from lmkjax.studio.facekit import compact, official

    out = files.local(options.out, flag="--out")
    source = official.read(files.local(options.source, flag="--source"))
    source = compact.shapes_of(source, modes=options.modes, partial=options.partial)
    head = compact.compact(source, compact.named_vertices(), modes=options.modes)
    packed = io.BytesIO()
    np.savez_compressed(packed, **head)
    files.write(out, packed.getvalue())
    kept = compact.variance_kept(source, head, modes=options.modes)
    print(
        f"{out}: {len(head['vertices'])} vertices, {len(head['part'])} triangles,"
        f" {len(head['identity'])} of {len(source.identity)} modes, which hold"
        f" {kept:.1%} of the face's variance."
    )
    return 0


if __name__ == "__main__":
    cli.run(main)
