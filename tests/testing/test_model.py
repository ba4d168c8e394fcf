"""The check of models passes ours, and finds what is wrong with one that is broken."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pcea.errors import InputError
from pcea.models import Classifier, register_model
from pcea.models.registry import MODELS
from pcea.testing import check_model

SMALL: dict[str, Any] = {
    "dims": (8, 8, 8),
    "num": (64, 32),
    "k": 4,
    "depth": 1,
    "stem": 0,
    "fused": 16,
    "hidden": (8, 8),
}


@pytest.fixture(autouse=True)
def _own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODELS, "_entries", dict(MODELS._entries))


class Mixes(Classifier):
    def forward(self, *given: Any, **named: Any) -> Tensor:
        logits = super().forward(*given, **named)
        return logits + logits.mean(0, keepdim=True)


class Ordered(Classifier):
    def forward(self, pos: Tensor, *given: Any, **named: Any) -> Tensor:
        return super().forward(pos, *given, **named) + pos[:, 5, :1]


class Restless(Classifier):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, *given: Any, **named: Any) -> Tensor:
        self.calls += 1
        return super().forward(*given, **named)


class Idle(Classifier):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.unused = nn.Linear(2, 2)


class Blind(Classifier):
    def forward(self, pos: Tensor, normal: Tensor | None = None, *given: Any, **named: Any) -> Any:
        normal = normal if normal is None or self.training else torch.zeros_like(normal)
        return super().forward(pos, normal, *given, **named)


class Forgets(Classifier):
    def state_dict(self, *given: Any, **named: Any) -> Any:
        return {k: torch.zeros_like(v) for k, v in super().state_dict(*given, **named).items()}


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (Mixes, "has the same logits alone as in a batch"),
        (Ordered, "order of the points does not matter"),
        (Restless, "a forward pass changes no state"),
        (Idle, "Every parameter gets a finite gradient.*unused.weight"),
        (Blind, "A model with normals uses"),
        (Forgets, "When saved and loaded again"),
    ],
)
def test_what_is_broken_is_found(kind: type[Classifier], what: str) -> None:
    register_model("broken", **SMALL)(kind)
    with pytest.raises(AssertionError, match=f"model 'broken' breaks a promise: .*{what}"):
        check_model("broken")


def test_a_model_of_somebody_else_passes() -> None:
    register_model("mine", **SMALL)(Classifier)
    check_model("mine", attention="multihead-external")
    with pytest.raises(InputError, match="no model is called 'mina'"):
        check_model("mina")
    with pytest.raises(InputError, match="has no option 'depht'"):
        check_model("mine", depht=2)
