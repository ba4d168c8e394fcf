"""Choices and defaults that commands and functions share; nothing here imports torch."""

from typing import Final, Literal

UpAxis = Literal["x", "-x", "y", "-y", "z", "-z"]
Renderer = Literal["auto", "raycast", "software"]
Background = Literal["white", "dark", "transparent"]
# The up axis of a shape; ``auto``: it is guessed.
UP: Final = "auto"
# How many samplings of a shape are averaged.
CLASSIFY_VOTES, SEGMENT_VOTES, EXPLAIN_VOTES, VIEW_VOTES = 1, 8, 4, 1
# Below this probability, an answer is unsure: a calibrated one is then more often wrong than right.
SURE = 0.5
# How many clouds of a split are drawn to measure faithfulness.
FAITHFULNESS_CLOUDS = 100
# The share of the values at each end of the range that gets the first or the last color.
TAILS = 0.01
