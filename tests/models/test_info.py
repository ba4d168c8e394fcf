"""What a model says of itself survives its file."""

import json
import math
from typing import Any

import pytest

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.models import ModelInfo


def test_survives_json() -> None:
    info = ModelInfo(
        name="eat-seg",
        taxonomy=Taxonomy(("a", "b"), ("a/x", "b/x"), ((0,), (1,))),
        options={"attention": "self", "attention_options": {"heads": 2}},
        dataset="shapes",
        num_points=77,
        training={"recipe": "shapes-seg", "validation": {"epoch": 3}},
    )
    assert ModelInfo.from_json(info.to_json()) == info


@pytest.mark.parametrize("temperature", [0, -1.0, math.inf, math.nan, "x"])
def test_a_broken_temperature_is_refused(temperature: Any) -> None:
    text = json.loads(ModelInfo("eat-seg", Taxonomy(("a",)), category_temperature=0.5).to_json())
    assert ModelInfo.from_json(json.dumps(text)).category_temperature == 0.5
    with pytest.raises(InputError, match=r"category_temperature|not a description"):
        ModelInfo.from_json(json.dumps({**text, "category_temperature": temperature}))
