"""Whether maps are true: deletion, insertion, the pointing game, and shuffled weights."""

from pcea.explanation.faithfulness.figures import Curve, Difference, Faithfulness, PointingGame
from pcea.explanation.faithfulness.maps import GAMES, TITLES
from pcea.explanation.faithfulness.measure import measure_faithfulness

__all__ = [
    "GAMES",
    "TITLES",
    "Curve",
    "Difference",
    "Faithfulness",
    "PointingGame",
    "measure_faithfulness",
]
