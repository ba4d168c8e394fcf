"""CaaM's training against its losses computed by hand, and what it saves."""

import math
import os
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from safetensors.torch import load_file
from torch import Tensor

from pcea.datasets import Batch
from pcea.errors import InputError
from pcea.models import load_model
from pcea.recipes import Recipe
from pcea.training import Callback, RunFolder, build_model, setup, train
from pcea.training.methods import create_method
from pcea.training.methods.caam import CausalTraining, mean_of_partitions, variance_of_heads
from pcea.training.state import TrainingState


def caam(recipe: Recipe, **options: Any) -> Recipe:
    return replace(recipe, attention="caam", attention_options={}, method_options=options)


def make_method(recipe: Recipe) -> CausalTraining:
    data = setup.load_dataset(recipe.dataset, "train")
    torch.manual_seed(0)
    method = create_method(recipe, build_model(recipe, data), len(data))
    assert isinstance(method, CausalTraining)
    return method


def test_two_heads_by_hand() -> None:
    """W = (1, 3) and (3, 1): W̄ = (2, 2), ‖W_t − W̄‖₂² = 2 and ‖W_t‖₁² = 16."""
    weight = torch.tensor([[[1.0, 3.0]], [[3.0, 1.0]]])
    assert variance_of_heads(weight).item() == pytest.approx(2 / 16)
    # Partition 1 does not occur: it is the mean of 2 and 7, not of three values.
    losses, partition = torch.tensor([1.0, 3.0, 7.0]), torch.tensor([0, 0, 2])
    assert mean_of_partitions(losses, partition, 3).item() == pytest.approx((2 + 7) / 2)


def test_the_loss_is_its_equation(recipe: Recipe) -> None:
    """Cloud by cloud and in double precision, from heads that differ."""
    recipe = caam(
        replace(recipe, label_smoothing=0.0), partitions=3, invariance=7.0, confounder=0.5
    )
    method = make_method(recipe).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in [*method.heads.parameters(), *method.mixed.parameters()]:
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    points = () if method.model.task == "classification" else (4,)
    batch = Batch(
        torch.randn(5, 4, 3, generator=generator),
        torch.randint(3, (5,), generator=generator),
        part=torch.randint(6, (5, 4), generator=generator),
    )
    output = torch.randn(15, *points, 16, generator=generator)
    index = torch.tensor([3, 9, 14, 2, 20])
    method.partition[index] = torch.tensor([0, 2, 0, 2, 2])  # no cloud in partition 1

    def error(logits: Tensor, cloud: int) -> Tensor:
        """The mean of −log p of the right class over the points of a cloud."""
        right = batch.category[cloud] if not points else batch.part[cloud]  # type: ignore[index]
        p = logits.exp() / logits.exp().sum(-1, keepdim=True)
        return -p.gather(-1, right.unsqueeze(-1)).log().mean()

    def apply(layer: Any, x: Tensor) -> Tensor:
        return x.double() @ layer.weight.T + layer.bias

    causal, confounder, mixed = output[:5], output[5:10], output[10:]
    heads = list(method.heads)
    own = [error(apply(heads[t], causal[i]), i) for i, t in enumerate([0, 2, 0, 2, 2])]
    risk = ((own[0] + own[2]) / 2 + (own[1] + own[3] + own[4]) / 3) / 2
    weights = [head.weight for head in heads]
    mean = sum(weights) / 3
    ratios = [((w - mean).norm(p=2) / w.abs().sum()) ** 2 for w in weights]
    further = sum(error(apply(method.mixed, mixed[i]), i) for i in range(5)) / 5
    expected = risk + 7.0 * sum(ratios) / 3 + further
    bias = sum(head.bias for head in heads) / 3
    logits = confounder.double() @ mean.T + bias
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    found = method.float().loss(output, batch, index)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
    second = method.confounder_loss(output, batch, index)
    torch.testing.assert_close(second.double(), -0.5 * p.log().mean(), rtol=1e-5, atol=0)
    assert not second.requires_grad  # the heads do not follow the confounder


def test_the_second_step_makes_the_confounder_say_nothing(classification: Recipe) -> None:
    """Equal probabilities give the lowest loss, log K, and steps on it come closer to that."""
    method = make_method(caam(replace(classification, transforms=())))
    data = setup.load_dataset("classification", "train")
    index = torch.arange(24)
    batch = data.clouds.batch(index, 16)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.5)
    losses = []
    with torch.no_grad():
        for head in method.heads:
            head.weight.mul_(20)
    for step in range(20):
        torch.manual_seed(step)
        loss = method.confounder_loss(method(batch.pos, None, batch.category), batch, index)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() - math.log(3))
    assert 0 <= losses[-1] < 0.2 * losses[0]


class Watch(Callback):
    """Keeps the partitions of each epoch and stops after a step."""

    def __init__(self, stop: int = 0) -> None:
        self.stop, self.partitions = stop, list[Tensor]()

    def on_step(self, state: TrainingState) -> None:
        assert isinstance(state.method, CausalTraining)
        if state.step % state.steps_per_epoch == 1:
            self.partitions.append(state.method.partition.clone())
        if state.step == self.stop:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_is_resumed_bit_for_bit_and_saves_the_mean(recipe: Recipe, tmp_path: Path) -> None:
    recipe = caam(replace(recipe, epochs=5, ema=0.0, tracker=()), refresh=2, invariance=100.0)
    watch = Watch()
    whole = train(recipe, tmp_path / "whole", callbacks=[watch])
    same = [torch.equal(*pair) for pair in pairwise(watch.partitions)]
    assert same == [True, False, True, False]  # found anew before the third and the fifth epoch
    state = whole.load_state()
    saved, own = load_file(whole.last), state["method"]
    last = "head.4" if recipe.dataset == "classification" else "last"
    for name in ("weight", "bias"):
        heads = torch.stack([own[f"heads.{t}.{name}"] for t in range(4)])
        torch.testing.assert_close(saved[f"{last}.{name}"], heads.mean(0))
        assert not torch.equal(heads[0], heads[1])
    assert load_model(whole.last).encoder.attention == "caam"
    described = yaml.safe_load(whole.recipe.read_text())
    assert described["recipe"]["method"] == "caam"
    assert (
        "method: caam (auto: that of the attention; plain trains without it)"
        in (described["chosen"])
    )

    cut = RunFolder(tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt, match="saved at step 8"):
        train(recipe, cut.path, callbacks=[Watch(stop=8)])
    torch.manual_seed(123)
    train(out=cut.path, resume=True)
    again = cut.load_state()
    for part in ("model", "method"):
        assert state[part].keys() == again[part].keys()
        for name, tensor in state[part].items():
            assert torch.equal(tensor, again[part][name]), name


def test_the_plain_method_trains_it_too(recipe: Recipe, tmp_path: Path) -> None:
    run = train(replace(caam(recipe), method="plain", epochs=1, tracker=()), tmp_path / "run")
    assert run.load_state()["method"] == {}


def test_weights_that_a_run_starts_from_are_those_of_every_head(classification: Recipe) -> None:
    method = make_method(caam(classification, partitions=2))
    with torch.no_grad():
        method.model.last_layer.weight.fill_(3.0)
    again = CausalTraining(method.model, method.recipe, 24, partitions=2)
    again.after_step()
    assert (again.model.last_layer.weight == 3.0).all()
    assert F.one_hot(again.partition, 2).sum(0).min() > 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"attention": "self"}, "needs an attention with a complement"),
        ({"freeze": ["encoder", "head.0", "head.2"]}, "freeze leaves nothing but the last layer"),
        ({"method_options": {"partitions": 0}}, "partitions is 0; it must be"),
        ({"method_options": {"invariance": -1}}, "invariance is -1; it must be"),
        ({"method_options": {"refresh": 0}}, "refresh is 0; it must be"),
        ({"method_options": {"partition": 3}}, "no option 'partition' .did you mean 'partitions'"),
    ],
)
def test_what_does_not_fit_is_refused(
    classification: Recipe, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        setup.check_model(replace(caam(classification), method="caam", **values))
