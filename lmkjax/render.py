"""Command: draws synthetic faces with their landmarks, or says how fast it can.

python -m lmkjax.render --scheme dense490 --count 64 --size 192 --out faces --sheet
"""

import json
import pathlib
from collections.abc import Sequence

from lmkjax import cli, files
from lmkjax.face.priors import options
from lmkjax.landmarks import schemes

ELEMENTS = (
    "identity",
    "expression",
    "pose",
    "hair",
    "eyes",
    "skin",
    "light",
    "occluders",
    "background",
    "sensor",
)
"""What a sheet may vary: the names of `sheets.ELEMENTS`, told without JAX."""


def main(argv: Sequence[str] | None = None) -> int:
    """Draws what the flags ask for; returns the exit code."""
    parser = cli.Parser(
        prog="lmkjax render",
        description="Draw synthetic faces with their landmarks. Writes one PNG per face"
        " and points.json (points in pixels, visibility, box) into a folder. Face i of"
        " a seed is always the same face.",
    )
    parser.add_argument(
        "--scheme",
        default="ibug68",
        help="which landmarks: one of " + ", ".join(sorted(schemes.SCHEMES)) + ", or a"
        " .yaml file of your own",
    )
    parser.add_argument("--count", type=int, default=16, help="faces")
    parser.add_argument(
        "--size", type=int, default=192, help="side of a picture, pixels"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the set")
    parser.add_argument("--out", type=pathlib.Path, help="folder to write into")
    parser.add_argument(
        "--looks",
        default="photo",
        help="photo, or stand_in: harder light, other colours, more things before the"
        " face",
    )
    parser.add_argument(
        "--priors",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="what can be seen, and how often: `glasses=1 hats=0`. Names: "
        + ", ".join(options.KNOWN),
    )
    parser.add_argument(
        "--backgrounds",
        metavar="FOLDER",
        help="pictures of your own to be seen behind the faces, cropped and blurred by"
        " chance (they should show no faces)",
    )
    parser.add_argument(
        "--sheet",
        nargs="?",
        const="points",
        metavar="ELEMENT",
        help="also write sheet.png, points drawn; with an ELEMENT write that alone,"
        " and on it the same faces with nothing but the element varied: "
        + ", ".join(ELEMENTS),
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="draw no face; write SCHEME.html (into --out, or here), a page on which to"
        " turn the head and hover over its landmarks",
    )
    parser.add_argument(
        "--report",
        nargs="?",
        type=int,
        const=5000,
        metavar="FACES",
        help="write report.html (into --out, or here), a page that shows whether COUNT"
        " drawn faces obey the renderer's laws, and the statistics of FACES faces"
        " (%(const)s) without their pictures; takes minutes",
    )
    parser.add_argument(
        "--ibug-300w",
        type=pathlib.Path,
        metavar="FOLDER",
        help="300-W in its own layout, for --report: its training part's statistics"
        " stand beside the rendered faces'",
    )
    parser.add_argument(
        "--benchmark",
        action="store_true",
        help="write no file; print one line of JSON: faces per second, milliseconds"
        " per stage, peak memory",
    )
    flags = parser.parse_args(argv)

    from lmkjax.face.paint import backdrop  # imports JAX: not needed for --help
    from lmkjax.studio import gallery, page
    from lmkjax.studio.audit import survey

    scheme = schemes.get(flags.scheme)
    priors = options.choose(flags.looks, flags.priors)
    if flags.benchmark:
        figures = gallery.benchmark(
            scheme, size=flags.size, seed=flags.seed, count=flags.count
        )
        print(json.dumps(figures))
        return 0
    if flags.page:
        text = page.html(scheme)
        with files.together(flags.out or pathlib.Path()) as (scratch, written):
            (scratch / f"{scheme.name}.html").write_text(text)
        print(written[0])
        return 0
    if flags.report is not None:
        survey.write(
            flags.out or pathlib.Path(),
            scheme,
            count=flags.count,
            statistics=flags.report,
            size=flags.size,
            seed=flags.seed,
            priors=priors,
            photos=flags.ibug_300w,
        )
        return 0
    if flags.out is None:
        parser.error("--out FOLDER is wanted (or --page, --report, --benchmark)")
    backgrounds = backdrop.load(flags.backgrounds) if flags.backgrounds else None
    if flags.sheet not in (None, "points"):
        (file,) = gallery.write_sheet(
            flags.out,
            flags.sheet,
            size=flags.size,
            seed=flags.seed,
            backgrounds=backgrounds,
        )
        print(file)
        return 0
    written = gallery.write(
        flags.out,
        scheme,
        count=flags.count,
        size=flags.size,
        seed=flags.seed,
        priors=priors,
        backgrounds=backgrounds,
        sheet=flags.sheet is not None,
    )
    print(f"{flags.out}: {len(written)} files, {flags.count} faces.")
    return 0


if __name__ == "__main__":
    cli.run(main)
