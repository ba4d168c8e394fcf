"""What a model says of itself survives its file."""

from pcea.datasets import Taxonomy
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
