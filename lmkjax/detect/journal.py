"""What a job has done so far, on disk: a job that was broken off goes on from it."""

import json
import pathlib
from typing import Any, BinaryIO


class Journal:
    """A file of lines, one for each thing done; in memory are names and places alone.

    The first line says what was asked; a file that begins with another is begun anew.
    A line cut off in the middle, as by a full disk, is forgotten.
    """

    def __init__(self, file: pathlib.Path, asked: Any):
        """Opens a journal or begins it.

        Args:
            file: its folder must be there.
            asked: what JSON can hold: whatever changes the results of all things.
        """
        self._head = json.dumps({"asked": asked}).encode() + b"\n"
        self._places: dict[str, tuple[str, int]] = {}
        self._stream: BinaryIO = file.open("a+b")
        self._load()

    def has(self, name: str, key: str) -> bool:
        """Whether a thing is done, as it is now.

        Args:
            name: of the thing.
            key: what changes when its result would.
        """
        return name in self._places and self._places[name][0] == key

    def add(self, name: str, key: str, content: Any) -> None:
        """Notes that a thing is done, and what came of it."""
        line = json.dumps([name, key, content], allow_nan=False).encode() + b"\n"
        place = self._stream.seek(0, 2)
        self._stream.write(line)
        self._stream.flush()
        self._places[name] = key, place

    def content(self, name: str) -> Any:
        """What came of a thing."""
        self._stream.seek(self._places[name][1])
        return json.loads(self._stream.readline())[2]

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()

    def _load(self) -> None:
        """Finds the places of what is done; cuts off what is not whole."""
        self._stream.seek(0)
        good = 0
        if self._stream.readline() == self._head:
            good = self._stream.tell()
            while line := self._stream.readline():
                try:
                    name, key, _ = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n"):
                    break
                self._places[name] = key, good
                good = self._stream.tell()
        self._stream.truncate(good)
        if not good:
            self._stream.write(self._head)
            self._stream.flush()
