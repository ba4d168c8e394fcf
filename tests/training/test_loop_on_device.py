"""A step never waits for the device, and nothing goes to it but the epoch's order.

On the meta device there is no data: whoever asks for a value, or for a size that depends on values,
fails there, as whoever waits on a GPU would.
"""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pcea.datasets import Batch
from pcea.recipes import Recipe
from pcea.training import batches, build_model, loop, setup
from pcea.training.callbacks import Callback
from pcea.training.methods import create_method
from pcea.training.state import TrainingState
from pcea.transforms import as_transforms, list_transforms

META = torch.device("meta")


class OnlyThere(TorchDispatchMode):
    """Refuses every operation that has a tensor elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.count += 1
        for leaf in tree_leaves((args, kwargs, out)):
            if isinstance(leaf, Tensor) and leaf.device != META:
                raise AssertionError(f"{func} on {leaf.device}, {tuple(leaf.shape)}")
        return out


class MetaGenerator(torch.Generator):
    """A generator of the meta device, which has none."""

    def __new__(cls, device: Any = "cpu") -> "MetaGenerator":
        assert torch.device(device) == META
        return super().__new__(cls)

    def __init__(self, device: Any) -> None: ...

    device = META


@pytest.fixture
def accelerator() -> Any:
    return SimpleNamespace(
        device=META,
        num_processes=1,
        process_index=0,
        prepare=lambda *both: both,
        unwrap_model=lambda model: model,
        backward=lambda loss: loss.backward(),
        clip_grad_norm_=nn.utils.clip_grad_norm_,
    )


@pytest.mark.parametrize("method", ["plain", "caam"])
def test_a_step_waits_for_nothing(
    method: str, recipe: Recipe, accelerator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "caam":
        recipe = replace(recipe, method=method, attention="caam", attention_options={})
    # The fused AdamW knows no meta device; SGD goes the same way through the loop.
    recipe = replace(recipe, precision="float32", optimizer="sgd")
    data = setup.load_dataset(recipe.dataset, "train")
    clouds = data.clouds.to(META)
    trained = create_method(recipe, build_model(recipe, data), len(data)).to(META)
    state = TrainingState(trained, recipe, accelerator)
    order = batches.epoch_order(data.clouds.category, recipe, epoch=0).to(META)
    monkeypatch.setattr(batches, "Generator", MetaGenerator)
    # Autocast knows no meta device either.
    monkeypatch.setattr(loop, "autocast", lambda *_: nullcontext())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)
    callback = Callback()
    with OnlyThere() as found:
        loop.run_epoch(state, clouds, order, as_transforms(recipe.transforms), [callback])
    assert state.step == len(order) == 3 and found.count > 1000
    monkeypatch.setattr(loop, "CHECK_EVERY", 4)
    with pytest.raises(RuntimeError, match="meta"):
        loop.run_epoch(state, clouds, order, as_transforms(recipe.transforms), [callback])


@pytest.mark.parametrize("name", sorted(set(list_transforms()) - {"estimate-normals"}))
def test_a_transform_waits_for_nothing(name: str) -> None:
    """All but the estimation of normals, which is the CPU's work."""
    pos, part = torch.zeros(8, 64, 3, device=META), torch.zeros(8, 64, device=META)
    batch = Batch(pos, part[:, 0], pos, part)
    (transform,) = as_transforms(name)
    with OnlyThere():
        assert transform(batch, MetaGenerator(META)).pos.shape == (8, 64, 3)
