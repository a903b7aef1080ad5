"""`lmkjax VERB ...`: the same as `python -m lmkjax.VERB ...`."""

import importlib
import sys
from collections.abc import Sequence

from lmkjax import command
from lmkjax.types import UserError

VERBS = {
    "train": "train a network, measure it and write a report",
    "evaluate": "measure a trained run, or predictions of any system",
    "predict": "find the landmarks on pictures",
    "render": "draw synthetic faces with their landmarks",
    "export": "a trained run as one small folder, to be shipped",
}


def dispatch(argv: Sequence[str] | None = None) -> int | None:
    """Calls the verb's own `main` with what follows the verb."""
    verb, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if verb in ("-h", "--help"):
        print("usage: lmkjax VERB [options]\n\nverbs:")
        for name, what in VERBS.items():
            print(f"  {name:10}{what}")
        print("\n`lmkjax VERB --help` tells a verb's options.")
        return 0
    if verb not in VERBS:
        raise UserError(f"Unknown verb '{verb}'; known: {list(VERBS)}.")
    return importlib.import_module(f"lmkjax.{verb}").main(rest)


def main() -> None:
    """The console script."""
    command.run(dispatch)
