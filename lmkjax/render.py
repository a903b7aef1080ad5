"""Command: draws synthetic faces with their landmarks, or says how fast it can.

python -m lmkjax.render --scheme dense490 --count 64 --size 192 --out faces --sheet
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Callable, Sequence

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
HEEDED = {
    "faces": "scheme count size batch seed out clip looks priors backgrounds sheet",
    "sheet": "size seed out backgrounds",
    "page": "scheme out",
    "report": "scheme count size seed out looks priors ibug_300w",
    "benchmark": "scheme count size seed",
}
"""The flags that count for each thing that is written."""


def main(argv: Sequence[str] | None = None) -> int:
    """Draws what the flags ask for; returns the exit code."""
    parser = _flags()
    flags = parser.parse_args(argv)
    parser.at_least(1, flags, "batch")
    _refuse_the_unheeded(parser, flags)
    for name in ("out", "ibug_300w", "backgrounds"):
        if path := getattr(flags, name):
            setattr(flags, name, files.local(path, flag=cli.flag(name)))
    scheme = schemes.get(flags.scheme)
    priors = options.choose(flags.looks, flags.priors)
    if flags.benchmark:
        _benchmark(flags, scheme)
    elif flags.page:
        _page(flags, scheme)
    elif flags.report is not None:
        _report(flags, scheme, priors)
    elif flags.out is None:
        parser.error("--out FOLDER is wanted (or --page, --report, --benchmark)")
    else:
        _draw(flags, scheme, priors)
    return 0


def _refuse_the_unheeded(parser: cli.Parser, flags: argparse.Namespace) -> None:
    """Refuses a flag that changes nothing of what is asked for."""
    given = {
        name for name, value in vars(flags).items() if value != parser.get_default(name)
    }
    asked = sorted(given & {"page", "report", "benchmark"})
    asked += ["sheet"] * (flags.sheet not in (None, "points"))
    what = (asked or ["faces"])[0]
    for name in sorted(given - {what, *HEEDED[what].split()}):
        if not asked:
            parser.error(f"{cli.flag(name)} goes with --report")
        told = f"--sheet {flags.sheet}" if what == "sheet" else cli.flag(what)
        parser.error(f"{cli.flag(name)} does not go with {told}")


def _flags() -> cli.Parser:
    """The flags."""
    parser = cli.Parser(
        prog="lmkjax render",
        description="Draw synthetic faces with their landmarks. Writes one PNG per face"
        " and points.json (points in pixels, visibility, box) into a folder. Face i of"
        " a seed is always the same face.",
    )
    _add_faces(parser.add_argument)
    _add_instead(parser.add_argument)
    return parser


def _add_faces(add: Callable) -> None:
    """Flags of what is drawn."""
    add(
        "--scheme",
        default="ibug68",
        help="which landmarks: one of " + ", ".join(sorted(schemes.SCHEMES)) + ", or a"
        " .yaml file of your own",
    )
    add("--count", type=int, default=16, help="faces")
    add("--size", type=int, default=192, help="side of a picture, pixels")
    add("--batch", type=int, default=16, help="faces drawn at once")
    add("--seed", type=int, default=0, help="of the set")
    add("--out", metavar="FOLDER", help="folder to write into")
    add(
        "--clip",
        nargs="?",
        type=float,
        const=25.0,
        metavar="FPS",
        help="the faces are one person's, COUNT pictures of a clip with FPS"
        " (%(const)s) a second: head, expression, gaze, light and camera move; also"
        ' writes clip.mp4, with the extra "video"',
    )
    add(
        "--looks",
        default="photo",
        help="photo, or stand_in: harder light, other colours, more things before the"
        " face",
    )
    add(
        "--priors",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="what can be seen, and how often: `glasses=1 hats=0`. Names: "
        + ", ".join(options.KNOWN),
    )
    add(
        "--backgrounds",
        metavar="FOLDER",
        help="pictures of your own to be seen behind the faces, cropped and blurred by"
        " chance (they should show no faces)",
    )


def _add_instead(add: Callable) -> None:
    """Flags of what is written beside the faces, or instead of them."""
    add(
        "--sheet",
        nargs="?",
        const="points",
        metavar="ELEMENT",
        help="also write sheet.png, points drawn; with an ELEMENT write that alone,"
        " and on it the same faces with nothing but the element varied: "
        + ", ".join(ELEMENTS),
    )
    add(
        "--page",
        action="store_true",
        help="draw no face; write SCHEME.html (into --out, or here), a page on which to"
        " turn the head, hover over its landmarks, and click points of your own that"
        " are downloaded as a scheme",
    )
    add(
        "--report",
        nargs="?",
        type=int,
        const=5000,
        metavar="FACES",
        help="write report.html (into --out, or here), a page that shows whether COUNT"
        " drawn faces obey the renderer's laws, and the statistics of FACES faces"
        " (%(const)s) without their pictures; takes minutes",
    )
    add(
        "--ibug-300w",
        metavar="FOLDER",
        help="300-W in its own layout, for --report: its training part's statistics"
        " stand beside the rendered faces'",
    )
    add(
        "--benchmark",
        action="store_true",
        help="write no file; print one line of JSON: faces per second, milliseconds"
        " per stage, peak memory",
    )


# What imports JAX, or a package of an extra, is imported where it is used.


def _benchmark(flags: argparse.Namespace, scheme: schemes.Scheme) -> None:
    from lmkjax.studio import gallery

    figures = gallery.benchmark(
        scheme, size=flags.size, seed=flags.seed, count=flags.count
    )
    print(json.dumps(figures))


def _page(flags: argparse.Namespace, scheme: schemes.Scheme) -> None:
    from lmkjax.studio import page

    text = page.html(scheme)
    with files.together(flags.out or pathlib.Path()) as (scratch, written):
        files.write(scratch / f"{scheme.name}.html", text)
    print(written[0])


def _report(
    flags: argparse.Namespace, scheme: schemes.Scheme, priors: options.Priors
) -> None:
    from lmkjax.studio.audit import survey

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


def _draw(
    flags: argparse.Namespace, scheme: schemes.Scheme, priors: options.Priors
) -> None:
    from lmkjax.face.paint import backdrop
    from lmkjax.studio import gallery

    backgrounds = backdrop.load(flags.backgrounds) if flags.backgrounds else None
    seen = {"size": flags.size, "seed": flags.seed, "backgrounds": backgrounds}
    if flags.sheet not in (None, "points"):
        (file,) = gallery.write_sheet(flags.out, flags.sheet, **seen)
        print(file)
        return
    seen |= {"count": flags.count, "batch": flags.batch, "priors": priors}
    seen |= {"sheet": flags.sheet is not None}
    if flags.clip is not None:
        from lmkjax.video import clips

        written = clips.write(flags.out, scheme, rate=flags.clip, **seen)
        if not any(file.suffix == ".mp4" for file in written):
            print(
                'No clip.mp4: pip install "lmkjax[video]" brings what writes it.',
                file=sys.stderr,
            )
    else:
        written = gallery.write(flags.out, scheme, **seen)
    print(f"{flags.out}: {len(written)} files, {flags.count} faces.")


if __name__ == "__main__":
    cli.run(main)
