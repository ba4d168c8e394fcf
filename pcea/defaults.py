"""What commands and functions take where nothing else is asked for, the same for both."""

# The up axis of a shape: ``auto`` has it guessed.
UP = "auto"
# How many samplings of a shape are averaged.
CLASSIFY_VOTES, SEGMENT_VOTES, EXPLAIN_VOTES, VIEW_VOTES = 1, 8, 4, 1
