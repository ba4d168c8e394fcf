"""What commands and functions take where nothing else is asked for, the same for both."""

from typing import Final

# The up axis of a shape: ``auto`` has it guessed.
UP: Final = "auto"
# How many samplings of a shape are averaged.
CLASSIFY_VOTES, SEGMENT_VOTES, EXPLAIN_VOTES, VIEW_VOTES = 1, 8, 4, 1
# Which share of the values at either end gets the first or the last color.
TAILS = 0.01
