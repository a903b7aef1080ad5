"""Faces of a dataset that cannot be used: left out, named, and looked at again."""

import hashlib
import pathlib
from collections.abc import Callable, Iterator, Sequence

import rich.console
import rich.progress

from lmkjax.errors import UserError

TOLD = 10
"""Faces left out that are named where a person reads; metadata.json names all."""


class Reader:
    """Reads faces, and keeps account of those that cannot be used.

    Attributes:
        source: where the faces come from.
        left_out: name of a face to why it was left out, and a digest of its files.
    """

    def __init__(
        self,
        source: pathlib.Path,
        read: Callable[[str], dict],
        held: Callable[[str], bytes],
    ):
        """Sets up the reading.

        Args:
            source: where the faces come from; no reason tells it.
            read: from a face's name to its example; UserError = it cannot be used.
            held: from a face's name to what its files hold.
        """
        self.source = source
        self.left_out: dict[str, dict[str, str]] = {}
        self._read, self._held = read, held

    def begin(self, names: Sequence[str]) -> list[str]:
        """The names from the first face on that can be used; none if none can."""
        for place, name in enumerate(names):
            if self._example(name) is not None:
                return list(names[place:])
        return []

    def examples(self, names: Sequence[str], told: str) -> Iterator[tuple[str, dict]]:
        """Yields name and example of each face that can be used, and shows progress."""
        console = rich.console.Console(stderr=True)
        for name in rich.progress.track(names, told, console=console):
            if (example := self._example(name)) is not None:
                yield name, example | {"name": name}

    def refuse(self) -> None:
        """Tells why a set has no face.

        Raises:
            UserError: always.
        """
        first = next(iter(self.left_out.values()))["reason"]
        raise UserError(
            f"{self.source}: none of its {len(self.left_out)} faces can be used. The"
            f" first: {first}"
        )

    def _example(self, name: str) -> dict | None:
        """One face; None if it cannot be used, which is noted."""
        try:
            return self._read(name)
        except UserError as error:
            reason = str(error).replace(f"{self.source}/", "")
            digest = _digest(self._held(name))
            self.left_out[name] = {"reason": reason, "digest": digest}
            return None


def mended(
    left_out: dict[str, dict[str, str]], held: Callable[[str], bytes]
) -> list[str]:
    """Names of faces that were left out and whose files hold something else now.

    Args:
        left_out: of a prepared set's metadata.
        held: from a face's name to what its files hold now.
    """
    return [n for n, face in left_out.items() if _digest(held(n)) != face["digest"]]


def lines(left_out: dict[str, dict[str, str]]) -> list[str]:
    """What was left out and why, a line for each face; the last counts the others."""
    told = [f"Left out {face['reason']}" for face in left_out.values()]
    if (more := len(told) - TOLD) > 0:
        told[TOLD:] = [f"Left out {more} more, {len(told)} in all: see metadata.json."]
    return told


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
