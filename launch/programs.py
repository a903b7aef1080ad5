"""A program as the TPU compiler writes it: cycles by kind, what chips exchange."""

import collections
import math
import re
from collections.abc import Iterator

COLLECTIVES = (
    "all-reduce",
    "reduce-scatter",
    "all-gather",
    "all-to-all",
    "collective-permute",
)
BYTES = {"f32": 4, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "pred": 1, "u8": 1, "s8": 1}
MOVES = (
    *("bitcast", "concatenate", "constant", "convert", "copy", "copy-done"),
    *("copy-start", "fusion", "get-tuple-element", "pad", "parameter", "reshape"),
    *("slice", "slice-done", "slice-start", "transpose", "tuple"),
)
"""What an instruction holds that computes nothing."""
KINDS = (  # the first of whose operations an instruction holds any
    ("collective", COLLECTIVES),
    ("convolution", ("convolution",)),
    ("matrix product", ("product", "dot")),
    ("reduce", ("reduce", "reduce-window", "select-and-scatter")),
    ("gather, scatter, sort", ("gather", "scatter", "sort")),
)


class Program:
    """A compiled program's instructions, computation by computation.

    Attributes:
        lines: of each computation, by its name.
        entry: the computation that it begins with.
    """

    def __init__(self, text: str):
        """Reads `compiled.as_text()`."""
        self.lines, self.entry, name = {}, "", ""
        self._held: dict[str, frozenset[str]] = {}
        for line in text.splitlines():
            if match := re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", line):
                name = match[2]
                self.lines[name] = []
                self.entry = name if match[1] else self.entry
            elif line.startswith(" "):
                self.lines[name].append(line)

    def cycles(self) -> dict[str, tuple[int, int]]:
        """What the compiler expects each kind of instruction to take of a chip.

        Those of loops count once. What a collective takes is not in it: the compiler
        gives that no figure.

        Returns:
            Kind to cycles and number of instructions, the dearest first. A kind is
            that of the dearest operation which an instruction holds.
        """
        found = collections.defaultdict(lambda: (0, 0))
        for line in self._taken(self.entry):
            if own := re.search(r'"estimated_cycles":"(\d+)"', line):
                cycles, count = found[kind := self._kind(line)]
                found[kind] = (cycles + int(own[1]), count + 1)
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))

    def collectives(self) -> dict[str, tuple[int, int]]:
        """Bytes that each kind of collective hands over, and how many there are."""
        found = collections.defaultdict(lambda: (0, 0))
        kinds = "|".join(COLLECTIVES)
        pattern = re.compile(rf"\s*(?:ROOT )?%?\S+ = (.*?) ({kinds})(?:-start)?\(")
        for lines in self.lines.values():
            for match in filter(None, map(pattern.match, lines)):
                size = sum(
                    BYTES.get(kind, 4)
                    * math.prod(int(n) for n in shape.split(",") if n)
                    for kind, shape in re.findall(r"(\w+)\[([\d,]*)\]", match[1])
                )
                total, count = found[match[2]]
                found[match[2]] = (total + size, count + 1)
        return dict(found)

    def _taken(self, name: str) -> Iterator[str]:
        """The instructions of a computation and of those that it runs."""
        for line in self.lines[name]:
            yield line
            called = r" (?:while|call)\(.*(?:body|to_apply)=%?([\w.\-]+)"
            if match := re.search(called, line):
                yield from self._taken(match[1])

    def _kind(self, line: str) -> str:
        held = self._operations(line)
        for kind, operations in KINDS:
            if held.intersection(operations):
                return kind
        rest = held.difference(MOVES)
        if not rest:
            return "copy, layout"
        return "by element" if rest - {"broadcast", "iota"} else "broadcast"

    def _operations(self, line: str) -> frozenset[str]:
        """What an instruction does; of a fusion, all that is fused."""
        match = re.match(r"\s*(?:ROOT )?%?\S+ = (?:\(.*?\) |\S+ )([\w\-]+)\(", line)
        operation = match[1].removesuffix("-start") if match else "tuple"
        if operation == "convolution":
            window = re.search(r"window=\{size=([\dx]+)", line)
            if not window or set(window[1].split("x")) == {"1"}:
                operation = "product"  # a TPU's dot is a convolution of no window
        inside = frozenset()
        if operation == "fusion":
            inside = self._inside(re.search(r"calls=%?([\w.\-]+)", line)[1])
        return inside | {operation}

    def _inside(self, name: str) -> frozenset[str]:
        if name not in self._held:
            found = map(self._operations, self.lines[name])
            self._held[name] = frozenset().union(*found)
        return self._held[name]
