"""How a command ends: its exit status."""

DONE = 0
# The call or its input is wrong; of several files, none could be used.
WRONG_INPUT = 2
# Some files were left out, the others are done.
SOME_LEFT_OUT = 3
INTERRUPTED = 130
# Nobody reads stdout any more.
NO_READER = 141
