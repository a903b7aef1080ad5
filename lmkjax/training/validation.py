"""Held-out faces looked at while a network trains, and the weights that did best."""

import dataclasses
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from lmkjax import hosts
from lmkjax.errors import UserError
from lmkjax.training import averaged

NME = "validation_nme"
"""The figure's name in `metrics.jsonl` and TensorBoard: ocular, %."""


@dataclasses.dataclass(frozen=True)
class Validation:
    """What is measured, and how often.

    Attributes:
        every: so many steps, and at the end.
        measure: from averaged weights to the NME on held-out faces, %; of several
            processes all call it, each with the weights whole.
    """

    every: int
    measure: Callable[[Any], float]


class Best:
    """The averaged weights with the smallest error so far, kept in a run's folder.

    A run taken up again at an earlier step keeps what it had found: the same run
    found it.

    Attributes:
        every: so many steps it is to be asked.
    """

    def __init__(self, workdir: pathlib.Path, validation: Validation):
        self._file, self._validation = workdir / averaged.BEST, validation
        self.every = validation.every
        own = _error_of(self._file) if hosts.lead() else math.inf
        self._error = float(hosts.gather(np.array([own]))[0])

    def measure(self, average: Any, step: int) -> float:
        """The error of averaged weights, which are kept if none was smaller."""
        weights = hosts.whole(average)
        error = self._validation.measure(weights)
        if error < self._error:  # NaN is not
            self._error = error
            if hosts.lead():
                averaged.save(weights, self._file, step=step, nme=error)
        return error


def _error_of(file: pathlib.Path) -> float:
    """The error of the weights in a file; infinite where they cannot be read."""
    try:
        return averaged.notes(file).get("nme", math.inf)
    except UserError as error:
        print(f"{error} It is written anew.")
        return math.inf
