"""A mistake that the person at the keyboard can mend; knows of no other module."""


class UserError(ValueError):
    """What was wanted, what came and what would do, in one line.

    The commands print it without a traceback.
    """
