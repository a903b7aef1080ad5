"""Files written whole or not at all, folders that one process has for itself."""

import collections
import contextlib
import errno
import fnmatch
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from typing import Any

import filelock

from lmkjax.errors import UserError


def local(path: str | os.PathLike, *, flag: str) -> pathlib.Path:
    """A path as a shell would read it: `~` is the home, and a bucket is none.

    Args:
        path: as a person or a config gave it.
        flag: what it was given for, for the message: "--workdir".

    Raises:
        UserError: it names a bucket or another thing with a scheme.
    """
    text = os.fspath(path)
    if "://" in text:
        raise UserError(
            f"Wanted a folder or file of this machine for {flag}; got '{text}'."
            " Mount the bucket (gcsfuse, s3fs) and give the folder it is mounted at."
        )
    try:
        return pathlib.Path(text).expanduser()
    except RuntimeError as error:  # ~somebody who has no home here
        raise UserError(f"{flag} {text}: {error}") from error


def write(path: str | os.PathLike, content: str | bytes) -> None:
    """Writes a file in one go: a reader sees the old one or the new one.

    Args:
        path: its folder must be there.
        content: text is written as UTF-8.
    """
    path = pathlib.Path(path)
    content = content.encode() if isinstance(content, str) else content
    new = path.with_name(f".{_short(path.name)}.{secrets.token_hex(8)}")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextlib.contextmanager
def folder(out: str | os.PathLike, *, ours: Collection[str]) -> Iterator[pathlib.Path]:
    """A hidden folder beside `out` that takes its place if all goes well.

    What an earlier call wrote goes when the new is there, never before; if the new
    cannot take its place, the old comes back.

    Args:
        out: a new or empty folder, or one that this has written before.
        ours: patterns (`*.png`) of the names that an earlier call may have written.

    Yields:
        The folder to write into.

    Raises:
        UserError: `out` is a file, holds other things, cannot be written, or another
            process writes it.
    """
    refuse_strangers(pathlib.Path(out), ours=ours)
    with growing(out, why=f"writes into {out}") as new:
        shutil.rmtree(new, ignore_errors=True)  # of a process that was killed
        new.mkdir()
        yield new
        take_place(new, out)


def part_of(out: str | os.PathLike) -> pathlib.Path:
    """The hidden folder beside `out` that its content grows in until it is whole."""
    out = pathlib.Path(os.path.abspath(out))
    return out.with_name(f".{_short(out.name)}.part")


def _short(name: str) -> str:
    """A name that leaves room in the 255 bytes of a name; another name has another."""
    if len(os.fsencode(name)) <= 200:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f"{name[:40]}-{digest}"


@contextlib.contextmanager
def growing(
    out: str | os.PathLike,
    *,
    why: str,
    keep: Callable[[pathlib.Path], bool] = lambda new: False,
) -> Iterator[pathlib.Path]:
    """A place for what `out` is to be, held by this process alone.

    What a process left there that was killed is met again, or swept away; what it
    had moved out of the way comes back.

    Args:
        out: the folder that is to be.
        why: what another process is refused for, for the message.
        keep: whether what is in the place is worth to be gone on from; else it goes.

    Yields:
        The place, a folder that may be there.

    Raises:
        UserError: it cannot be made, or another process holds it.
    """
    home = part_of(out)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot write into '{out}': {error.strerror}.") from error
    with alone(home, wait=False, why=why):
        new, old = home / "new", home / OLD
        if old.exists() and not pathlib.Path(out).exists():
            old.rename(out)
        try:
            yield new
        finally:
            if not (new.exists() and keep(new)):
                shutil.rmtree(home, ignore_errors=True)


def take_place(new: pathlib.Path, out: str | os.PathLike) -> None:
    """Puts what `growing` gave in the place of `out`, which goes when that is done.

    Args:
        new: the folder.
        out: what it is to be called; if it cannot be, what was there comes back.
    """
    out, old = pathlib.Path(os.path.abspath(out)), new.with_name(OLD)
    had = out.exists()
    if had:
        shutil.rmtree(old, ignore_errors=True)
        out.rename(old)
    try:
        new.rename(out)
    except OSError:
        if had:
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def together(
    out: str | os.PathLike, *, instead_of: Collection[str] = (), key: str = ""
) -> Iterator[tuple[pathlib.Path, list[pathlib.Path]]]:
    """A hidden folder whose files appear in `out` together, or none does.

    What a process left there that was killed is swept away.

    Args:
        out: the folder; it is made, its other files stay, and those of the same name
            are replaced.
        instead_of: names of files that go when the new ones are there.
        key: a file that tells of the others; it stands beside its own alone.

    Yields:
        The folder to write into, and a list that holds the files in `out` at the end.

    Raises:
        UserError: `out` cannot be written.
    """
    out, there = pathlib.Path(out), []
    try:
        out.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        new = pathlib.Path(tempfile.mkdtemp(prefix=_PART, dir=out))
    except OSError as error:
        raise UserError(f"Cannot write into '{out}': {error.strerror}.") from error
    try:
        with alone(new, wait=False):
            yield new, there
            if key in instead_of:
                (out / key).unlink()
            come = [file for file in new.iterdir() if file.name != LOCK]
            for name in set(instead_of) - {file.name for file in come} - {key}:
                (out / name).unlink(missing_ok=True)
            for file in sorted(come, key=lambda file: (file.name == key, file)):
                there.append(file.replace(out / file.name))
    except OSError as error:
        raise UserError(f"Cannot write into '{out}': {error.strerror}.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sweep(out: pathlib.Path) -> None:
    """Removes what `together` left in a folder when its process was killed."""
    for left in out.glob(f"{_PART}*"):
        lock = filelock.FileLock(left / LOCK)
        try:
            lock.acquire(timeout=0)
        except (OSError, NotImplementedError):  # in use, or nobody can tell
            continue
        lock.release()
        shutil.rmtree(left, ignore_errors=True)


def refuse_strangers(out: pathlib.Path, *, ours: Collection[str]) -> None:
    """Refuses a folder that holds anything but what is ours; a new one is welcome.

    Args:
        out: the folder.
        ours: patterns of names.

    Raises:
        UserError: it is a file, or holds something else.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"Wanted a folder for --out; '{out}' is a file.")
    if out.is_dir() and pathlib.Path.cwd().is_relative_to(out.resolve()):
        raise UserError(
            f"Wanted a folder for --out that can be replaced; you are in '{out}'."
            " Name a folder in it."
        )
    names = sorted(f.name for f in out.iterdir()) if out.is_dir() else []
    for name in names:
        if name.lower() in SYSTEM:  # who has looked into the folder has these
            continue
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in ours):
            raise UserError(
                f"Wanted a new folder for --out; '{out}' already holds '{name}',"
                " which an earlier call did not write. Choose another."
            )


SYSTEM = {".ds_store", "thumbs.db", "desktop.ini", ".localized", ".directory"}
"""Files that file managers leave in each folder, in lower case."""
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a drive says that knows no locks: NFS without its lock daemon, some of FUSE."""
LOCK = ".lock"
"""The file in a folder that says who has it."""
_PART = ".part-"
OLD = "old"
"""What was there before, while the new takes its place."""


def read_json(path: str | os.PathLike, *, what: str) -> dict[str, Any]:
    """A JSON file that holds an object.

    Args:
        path: the file.
        what: it is, for the message: "boxes".

    Raises:
        UserError: it is missing, broken or no object, or a name stands in it twice.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
        content = json.loads(text, object_pairs_hook=_without_doubles)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: wanted a JSON file of {what}; {error}.") from None
    if not isinstance(content, dict) or not content:
        came = "nothing in it" if content == {} else type(content).__name__
        raise UserError(f'{path}: wanted {{"photo.jpg": {what}, ...}}; got {came}.')
    return content


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict; a name that comes twice is refused."""
    content = dict(pairs)
    if len(content) < len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        raise ValueError(f"'{counts.most_common(1)[0][0]}' stands in it twice")
    return content


@contextlib.contextmanager
def alone(home: pathlib.Path, *, wait: bool, why: str = "") -> Iterator[None]:
    """Holds a folder's lock, which falls with the process that holds it.

    Where a drive knows no locks, none is held.

    Args:
        home: the folder; it is made.
        wait: for a process that holds the lock, and say so; else it is refused.
        why: what is refused, for the message: "trains in runs/daln".

    Raises:
        UserError: another process holds the lock.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(home / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if not wait:
            raise UserError(
                f"Another process {why}. Wait until it ends, or choose another folder."
            ) from None
        told = f"Waiting for another process, which works in {home} ..."
        print(told, file=sys.stderr, flush=True)
        lock.acquire()
    except (NotImplementedError, OSError) as error:  # filelock has one or the other
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        yield  # trust the person
        return
    try:
        yield
    finally:
        lock.release()
