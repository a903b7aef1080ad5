"""The API reference, built from the docstrings; a warning of its builder is an error.

python -m launch.reference --out api
"""

import importlib
import pkgutil
import warnings
from collections.abc import Sequence

from lmkjax import cli, files
from lmkjax.errors import UserError

INDEX = "index.html"


def main(argv: Sequence[str] | None = None) -> int:
    """Builds as the command line says; returns the exit code."""
    parser = cli.Parser(
        prog="python -m launch.reference", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="a new folder")
    options = parser.parse_args(argv)

    import pdoc

    import lmkjax

    out = files.local(options.out, flag="--out")
    ours = ("lmkjax", "lmkjax.html", INDEX, "search.js")
    for module in pkgutil.walk_packages(lmkjax.__path__, "lmkjax."):
        importlib.import_module(module.name)  # what is not installed is told as such
    rooms = pkgutil.iter_modules(lmkjax.__path__, "lmkjax.")
    names = [m.name for m in rooms if m.name != "lmkjax.__main__"]
    for name in lmkjax.FACE:  # imported when asked for, and pdoc does not ask
        setattr(lmkjax, name, getattr(lmkjax, name))
    pdoc.render.configure(docformat="google", show_source=False)
    with files.folder(out, ours=ours) as new:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            pdoc.pdoc("lmkjax", *names, output_directory=new)
        if told:
            raise UserError(
                f"The reference has {len(told)} faults; the first: {told[0].message}"
            )
    print(f"{out / INDEX}: lmkjax and its {len(names)} rooms and commands")
    return 0


if __name__ == "__main__":
    cli.run(main)
