"""The description of a model, which is stored in its weights file."""

import json
import math
import operator
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError

# The key of the description in the metadata of a weights file.
KEY = "pcea"
# What an answer can be unsure by.
LIMITS = "probability", "strangeness"


@dataclass(frozen=True, repr=False)
class ModelInfo:
    """Everything needed to build a model again and to apply it to a user's shape.

    Args:
        name: a name of :func:`pcea.models.list_models`.
        taxonomy: the categories and parts that it predicts.
        options: the options it was made with, besides those that its name stands for.
        dataset: the data set it was trained on, or None.
        num_points: how many points of a cloud it takes.
        training: how it was trained: recipe, epoch, seed, validation figures.
        limits: what makes an answer unsure: a ``probability`` below that one, or a
            ``strangeness`` above that one, see :func:`pcea.models.familiarity.strangeness`. Without
            limits, the model does not say when it is unsure.
        category_temperature: of a segmenter, what the logarithms of the probabilities of its
            categories are divided by; 1 leaves them as they are.
    """

    name: str
    taxonomy: Taxonomy
    options: Mapping[str, Any] = field(default_factory=dict)
    dataset: str | None = None
    num_points: int = 1024
    training: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    category_temperature: float = 1.0

    def __post_init__(self) -> None:
        limits = {name: float(each) for name, each in self.limits.items()}
        for name, each in limits.items():
            if name == "distance":
                raise InputError(
                    "the model was calibrated by an earlier version, whose limit 'distance' is no "
                    "longer used: calibrate the weights of its run again with pcea calibrate"
                )
            least = 0.0 if name == "probability" else -math.inf
            if name not in LIMITS or not math.isfinite(each) or each < least:
                raise InputError(
                    f"limit {name!r} of a model is {each}: there are {' and '.join(LIMITS)}, and "
                    "they are finite numbers; a probability is 0 or more"
                )
        object.__setattr__(self, "limits", limits)
        temperature = float(self.category_temperature)
        if not 0 < temperature < math.inf:
            raise InputError(
                f"category_temperature of a model is {temperature}; it must be a finite number "
                "above 0"
            )
        object.__setattr__(self, "category_temperature", temperature)

    def __repr__(self) -> str:
        parts = f", {len(self.taxonomy.parts)} parts" if self.taxonomy.parts else ""
        return (
            f"ModelInfo({self.name}: {len(self.taxonomy.categories)} categories{parts}, "
            f"{self.num_points:,} points, trained on {self.dataset or 'nothing known'})"
        )

    def to_json(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps(asdict(self), default=operator.index)  # numbers of NumPy

    @classmethod
    def from_json(cls, text: str) -> "ModelInfo":
        """Read what :meth:`to_json` wrote; any other text raises an InputError."""
        try:
            values = json.loads(text)
            named = values.pop("taxonomy")
            parts_of = tuple(tuple(ids) for ids in named["parts_of"])
            taxonomy = Taxonomy(tuple(named["categories"]), tuple(named["parts"]), parts_of)
            return cls(taxonomy=taxonomy, **values)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise InputError(f"not a description of a pcea model: {error}") from error
