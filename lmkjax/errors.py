"""A mistake that the person at the keyboard can mend; knows of no other module."""


class UserError(ValueError):
    """What was wanted, what came and what would do, in one line.

    The commands print it without a traceback.
    """


def out_of_memory(error: BaseException) -> bool:
    """Whether the machine or one of its devices has run out of memory."""
    if isinstance(error, MemoryError):
        return True
    # JAX's own error, known by its name: it is not imported for this.
    known = {"JaxRuntimeError", "XlaRuntimeError"}
    text = str(error).lower()
    ours = known & {kind.__name__ for kind in type(error).__mro__}
    return bool(ours) and ("resource_exhausted" in text or "out of memory" in text)
