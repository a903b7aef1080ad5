"""Draws the tables of lmkjax/face/README.md anew, or the picture of measures.

python -m lmkjax.studio.manual                        # rewrites the tables
python -m lmkjax.studio.manual --picture measures.jpg
"""

from collections.abc import Sequence

from lmkjax import cli, files


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrites the tables, or draws the picture; returns the exit code."""
    parser = cli.Parser(
        prog="python -m lmkjax.studio.manual", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--picture", metavar="FILE", help="draw this instead")
    options = parser.parse_args(argv)

    from lmkjax.studio.manual import pages, portrait

    if options.picture:
        file = files.local(options.picture, flag="--picture")
        portrait.picture().save(file, quality=90)
    else:
        text = pages.README.read_text("utf-8")
        files.write(pages.README, pages.write(text, pages.tables()))
    return 0


if __name__ == "__main__":
    cli.run(main)
