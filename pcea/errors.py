"""The errors that a user can cause, and suggestions for misspelled names."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The call or its input is wrong.

    The message is one line: what is wrong, where, and what to do. The command line prints it on
    stderr and leaves with exit status 2.
    """


class WrongOption(InputError):
    """An option is wrong for every file, so that the next file need not be tried.

    The message begins with the name of the option.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the closest known names, as ``" (did you mean 'a' or 'b'?)"``, or else list all."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f" (did you mean {' or '.join(repr(n) for n in close)}?)"
    return f" (known: {', '.join(names)})"
