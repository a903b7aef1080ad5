"""Names of photos in files of other tools, and the photos that they mean."""

import collections
import pathlib
import unicodedata
from collections.abc import Iterable

from lmkjax.errors import UserError
from lmkjax.images import finding

ENDINGS = {*finding.ENDINGS, ".avif", ".heic", ".heif", ".hif", ".pts"}
"""What may be left away from a name, in lower case; "a.b" may be one without ending."""


def match(given: Iterable[str], ours: Iterable[str], *, file: object) -> dict[str, str]:
    """For each of our names the given one that means it, where there is one.

    A given name may be written with other bytes of Unicode that look the same, with
    more or fewer folders before it, and without its ending. Of several that fit, the
    one that is the more alike counts: the same, then the same but for folders, then
    but for the ending.

    Args:
        given: as the other tool has them; `/` or a backslash parts folders.
        ours: names or paths, of photos or of files beside them.
        file: where the given names come from, for the message.

    Raises:
        UserError: a name fits two of ours, or two names fit one, equally well.
    """
    by_stem = collections.defaultdict(list)
    for name in ours:
        by_stem[_parts(name)[-1]].append(name)
    best: dict[str, tuple[int, list[str]]] = {}
    for name in given:
        ranks = [(_rank(name, own), own) for own in by_stem[_parts(name)[-1]]]
        fits = [(rank, own) for rank, own in ranks if rank is not None]
        if not fits:
            continue
        top = min(fits)[0]
        first, *more = (own for rank, own in fits if rank == top)
        if more:
            raise UserError(
                f"{file}: '{name}' fits {first} and {more[0]}; write its sub-folder"
                f" and ending, as in '{_longer(first, name)}'."
            )
        rank, names = best.get(first, (top, []))
        if top < rank:
            names = []
        if top <= rank:
            best[first] = top, [*names, name]
    for own, (_, names) in best.items():
        if len(names) > 1:
            raise UserError(
                f"{file}: '{names[0]}' and '{names[1]}' both fit {own}; keep one of"
                " them."
            )
    return {own: names[0] for own, (_, names) in best.items()}


def alike(name: str) -> str:
    """A name as file systems may compare it: look-alikes and capitals are one."""
    return unicodedata.normalize("NFC", name).casefold()


def _longer(own: str, given: str) -> str:
    """The end of our name that is a part longer than the given one."""
    return "/".join(pathlib.PurePath(own).parts[-len(_parts(given)) - 1 :])


def _rank(given: str, own: str) -> int | None:
    """How much two names differ; None if they mean different files."""
    if given == own:
        return 0
    theirs, ours = _parts(given), _parts(own)
    shared = min(len(theirs), len(ours))
    if theirs[-shared:] != ours[-shared:]:
        return None
    endings = [_ending(name) for name in (given, own)]
    if endings[0] == endings[1]:
        return 1 if len(theirs) == len(ours) else 2
    return 3 if set(endings) & {"", ".pts"} else None


def _ending(name: str) -> str:
    """The ending of an image or of a file beside one, in lower case, or nothing."""
    ending = pathlib.PurePosixPath(name.replace("\\", "/")).suffix.lower()
    return ending if ending in ENDINGS else ""


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a name, the last one without the ending of an image."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/")
    path = pathlib.PurePosixPath(text)
    path = path.with_suffix("") if _ending(text) else path
    return tuple(p for p in path.parts if p not in ("/", "..")) or ("",)
