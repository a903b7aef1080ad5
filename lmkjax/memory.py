"""What a command asks of the memory, where glibc hands it out."""

import ctypes
import mmap
import os
import platform

MALLOC = {  # by the names of malloc.h, with their numbers there
    "M_MMAP_MAX": (-4, 0),  # large pieces come of the heap too
    "M_TRIM_THRESHOLD": (-1, -1),  # which is never cut
    "M_TOP_PAD": (-2, 2**26),  # and grows by 64 MiB at least
    "M_ARENA_MAX": (-8, 1),  # and is one for all threads
}
"""What glibc is told."""

HEAP = 2**32
"""Bytes of the heap that ask for huge pages; of a small machine a quarter."""


def keep() -> None:
    """Has glibc keep what one step gives back, for the next to take.

    Else it asks the system for it anew each time: a step on a CPU then takes a
    quarter longer. Elsewhere, or where the person has tuned glibc, nothing happens.
    """
    tuned = "glibc.malloc" in (os.getenv("GLIBC_TUNABLES") or "")
    if tuned or platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for option, value in MALLOC.values():
        libc.mallopt(option, value)
    _huge_pages(libc)


def _huge_pages(libc) -> None:
    """Has the heap lie in pages of 2 MiB, where the system gives them on request.

    In pages of 4 KiB one heap costs a compiler a fifth of its time. The memory is
    asked for and given back at once, which makes it the heap's: nothing of it is
    taken before it is used. Where it is refused, the heap stays as it was.
    """
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    there = os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE
    size, page = min(HEAP, there // 4), 2**21
    if start := libc.malloc(size):
        first = -(-start // page) * page
        libc.madvise(first, max(0, start + size - first), mmap.MADV_HUGEPAGE)
        libc.free(start)
