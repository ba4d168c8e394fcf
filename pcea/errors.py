"""The errors that a user can cause, and the hint that helps them out of it."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The call or its input is wrong.

    The message is one line: what is wrong, where, and what to do. The command line prints it on
    stderr and leaves with exit status 2.
    """


class WrongOption(InputError):
    """An option is wrong, whatever the shape: no other file can be done with it either.

    The message begins with the name of the option.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Name the known names that come closest, as ``" (did you mean 'a' or 'b'?)"``, or else all."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f" (did you mean {' or '.join(repr(n) for n in close)}?)"
    return f" (known: {', '.join(names)})"
