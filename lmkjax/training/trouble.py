"""What can go wrong while a network trains, told apart and told in one line."""

import contextlib
import errno
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from lmkjax import errors
from lmkjax.errors import UserError

GONE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
"""What the system says of a file that is not where it was: damage."""
PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED")
"""What TensorStore and JAX say of trouble that may be over the next time."""
AT_LEAST = 100
"""Steps after which figures are looked at, however seldom they are logged."""


class Watch:
    """Looks for the first figure that is not finite, without waiting for each step."""

    WATCHED = ("loss", "gradient_norm", "weights_norm")
    """What the state after a step depends on; a term's figure is in the loss."""

    def __init__(self):
        self._unseen: list[tuple[int, Mapping[str, Any]]] = []

    def add(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Keeps a step's metrics, (sum, count) each, until they are looked at."""
        self._unseen.append((step, metrics))

    @property
    def due(self) -> bool:
        """Whether as many steps are unseen as may be."""
        return len(self._unseen) >= AT_LEAST

    def look(self) -> tuple[int, str, float] | None:
        """The first figure since the last look that is not finite.

        Returns:
            Its step, its name and what it is; of the loss, the name of the term that
            is not finite. None if all are finite.
        """
        unseen, self._unseen = self._unseen, []
        told = jax.device_get(
            [{n: m[n][0] for n in self.WATCHED if n in m} for _, m in unseen]
        )
        for (step, metrics), figures in zip(unseen, told, strict=True):
            for name, figure in figures.items():
                if not np.isfinite(figure):
                    name = _term(metrics) if name == "loss" else name
                    return step, name, float(figure)
        return None


def _term(metrics: Mapping[str, Any]) -> str:
    """The first term whose figure is not finite; the loss itself if none is."""
    terms = [n for n in metrics if "/" not in n and n not in Watch.WATCHED]
    told = jax.device_get({name: metrics[name][0] for name in terms})
    return next((n for n in terms if not np.isfinite(told[n])), "loss")


@contextlib.contextmanager
def memory_told() -> Iterator[None]:
    """Says which fields of a config a device without memory wants smaller.

    Raises:
        UserError: a device, or the machine, has run out of memory inside.
    """
    try:
        yield
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if not errors.out_of_memory(error):
            raise
        raise UserError(
            "A step does not fit into the memory of a device"
            f" ({short(error)}). Halve"
            " --config.train.batch, or set --config.train.accumulate=2 or 4: the same"
            " batch, worked on in so many parts."
        ) from error


def passing(error: BaseException) -> bool:
    """Whether a checkpoint was not *read*: the drive, the network or memory failed.

    Everything else that reading may meet, such as a missing part or bytes that make
    no sense, says that the checkpoint itself is damaged.
    """
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        if isinstance(one, MemoryError | TimeoutError | ConnectionError):
            return True
        if isinstance(one, OSError) and one.errno and one.errno not in GONE:
            return True
        text = str(one)
        if any(word in text for word in PASSING):
            return True
        # TensorStore: "... [OS error 5: EIO Input/output error]"
        if any(int(n) not in GONE for n in re.findall(r"OS error (\d+)", text)):
            return True
    return False


def short(error: BaseException) -> str:
    """What an error says, in one line that is not too long."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300].rstrip(".")
