"""The defaults that commands and functions share."""

from typing import Final

# The up axis of a shape; ``auto``: it is guessed.
UP: Final = "auto"
# How many samplings of a shape are averaged.
CLASSIFY_VOTES, SEGMENT_VOTES, EXPLAIN_VOTES, VIEW_VOTES = 1, 8, 4, 1
# The share of the values at each end of the range that gets the first or the last color.
TAILS = 0.01
