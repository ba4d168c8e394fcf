"""The state of a run: averaged weights against the plain loop, and what it refuses."""

from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from pcea.errors import InputError
from pcea.recipes import Recipe
from pcea.training import build_model, setup
from pcea.training.methods import create_method
from pcea.training.state import TrainingState, compile_options, compiler_errors


def make_state(recipe: Recipe) -> TrainingState:
    data = setup.load_dataset(recipe.dataset, "train")
    return TrainingState(
        create_method(recipe, build_model(recipe, data), len(data)), recipe, Accelerator()
    )


def test_the_average_follows_the_weights_with_a_warm_up(classification: Recipe) -> None:
    state = make_state(replace(classification, ema=0.5))
    weight = state.model.head[-1].weight
    expected = None
    for step in range(12):
        with torch.no_grad():
            weight.fill_(float(step))
        state.advance(torch.tensor(1.0))
        # The first step sets the average; from then on a tenth stays, a little more each step.
        decay = min(0.5, (1 + step) / (10 + step))
        expected = 0.0 if expected is None else decay * expected + (1 - decay) * step
        assert state.eval_model.head[-1].weight[0, 0].item() == pytest.approx(expected)
    assert state.step == 12
    assert state.loss_sum.item() == 12.0


def test_all_averages_are_those_of_a_plain_loop(classification: Recipe) -> None:
    state = make_state(classification)
    expected: dict[str, Tensor] = {}
    for step in range(4):
        for tensor in state.model.state_dict().values():
            tensor.copy_(torch.randint(0, 9, tensor.shape) + step)
        decay = min(classification.ema, (1 + step) / (10 + step)) if step else 0.0
        for name, now in state.model.state_dict().items():
            old = expected.get(name, torch.zeros_like(now))
            mean = decay * old.double() + (1 - decay) * now.double()
            expected[name] = mean if now.is_floating_point() else now.clone()
        state.advance(torch.tensor(1.0))
    assert state.eval_model is not state.model
    for name, tensor in state.eval_model.state_dict().items():
        torch.testing.assert_close(tensor.double(), expected[name].double(), msg=name)


def test_without_averaging_the_weights_themselves_are_evaluated(classification: Recipe) -> None:
    state = make_state(replace(classification, ema=0.0))
    assert state.eval_model is state.model


@pytest.mark.parametrize("broken", ["loss", "weights"])
def test_what_is_not_finite_is_refused(classification: Recipe, broken: str) -> None:
    state = make_state(classification)
    state.check_finite()
    if broken == "loss":
        state.advance(torch.tensor(float("nan")))
    else:
        with torch.no_grad():
            next(state.model.parameters()).fill_(float("inf"))
    with pytest.raises(InputError, match=f"the {broken} .* not finite at step"):
        state.check_finite()


def test_a_state_of_another_recipe_is_refused(classification: Recipe) -> None:
    state = make_state(classification)
    other = make_state(replace(classification, attention_options={"slots": 9}))
    with pytest.raises(InputError, match="does not fit"):
        state.load_state_dict(other.state_dict())


def test_the_step_is_compiled_for_its_device(
    classification: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compile_options(torch.device("cuda")) == {"mode": "reduce-overhead"}
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda step, **how: compiled.append(how) or step)
    make_state(replace(classification, compile="yes"))
    make_state(replace(classification, compile="no"))
    assert compiled == [compile_options(torch.device("cpu"))] == [{}]


@pytest.mark.filterwarnings("ignore")
def test_an_error_of_the_compiler_is_one_line() -> None:
    def broken(graph: object, inputs: object) -> None:
        raise OSError("g++ is not for this machine")

    twice = torch.compile(lambda x: 2 * x, backend=broken)
    one_line = r"g\+\+ is not for this machine.*--compile no"
    with pytest.raises(InputError, match=one_line) as caught, compiler_errors():
        twice(torch.ones(2))
    assert "\n" not in str(caught.value)
    with pytest.raises(ZeroDivisionError), compiler_errors():
        1 / 0  # noqa: B018
