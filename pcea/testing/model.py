"""What every registered model must hold: one function for each promise, and all of them in turn."""

from __future__ import annotations

import copy
import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.models import ModelInfo, PointModel, create_model, load_model, save_model
from pcea.models.encoder import PointTransformer
from pcea.models.registry import MODELS
from pcea.testing.require import require, run_check

NAMES = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))
# More points than small models keep, so that sampling is part of what is checked.
NUM = 300


class Trial:
    """A model with normals, its weights random by seed 0, and two clouds of points to try it on."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name, self.options = name, {"normals": True, **options}
        self.model = self.build()
        self.generator = torch.Generator().manual_seed(0)
        with torch.no_grad():  # fresh weights answer nearly the same for all clouds
            for parameter in self.model.parameters():
                noise = torch.randn(parameter.shape, generator=self.generator)
                parameter.add_(noise, alpha=0.3)
        ball = torch.randn(2, NUM, 3, generator=self.generator)
        self.normal = torch.nn.functional.normalize(ball, dim=-1)
        self.pos = self.normal * torch.tensor([[[1.0, 1.0, 1.0]], [[1.0, 0.2, 0.5]]])
        self.category = torch.tensor([0, 1])

    def build(self, **options: Any) -> PointModel:
        """Build the model anew, other options in place of its own."""
        torch.manual_seed(0)
        return create_model(self.name, NAMES, num_points=64, **{**self.options, **options})

    def takes(self, option: str) -> bool:
        """Tell whether the model, or its encoder, has an option."""
        known = inspect.signature(MODELS.get(self.name).func).parameters.values()
        return any(each.name == option or each.kind is each.VAR_KEYWORD for each in known)

    def answer(self, index: slice | Tensor = slice(None)) -> Tensor:
        """What the model gives in evaluation mode for some of the points."""
        with torch.no_grad():
            logits: Tensor = self.model.eval()(self.pos[:, index], self.normal[:, index])
        return logits

    def of_points(self, logits: Tensor, index: slice | Tensor) -> Tensor:
        """The logits of some of the points; those of a classifier are of the whole cloud."""
        return logits if self.model.task == "classification" else logits[:, index]


def check_model(name: str, **options: Any) -> None:
    """Check everything that a model must hold.

    Args:
        name: a name of :func:`pcea.list_models`.
        options: options of the model, such as ``attention="mine"``.

    Raises:
        AssertionError: something does not hold; the message says what.
        InputError: there is no such model or option.
    """
    for check in MODEL_CHECKS:
        run_check(check, Trial(name, **options), f"model {name!r}")


def describes_itself(trial: Trial) -> None:
    """It says what it is called and predicts, and comes back from that description equal."""
    info = trial.model.info
    require(info.name == trial.name, f"info.name is {info.name!r}")
    require(info.taxonomy == NAMES and info.num_points == 64, "info has other values than given")
    require(ModelInfo.from_json(info.to_json()) == info, "info differs after it was JSON")
    require(trial.model.last_weight.device == trial.model.device, "last_weight is elsewhere")
    require(isinstance(trial.model.encoder, PointTransformer), "its encoder is none")


def forward_and_backward(trial: Trial) -> None:
    """Logits have their shape and type, and every parameter gets a finite gradient."""
    out = trial.model(trial.pos[:, :140], trial.normal[:, :140], trial.category)
    shape = (2, 2) if trial.model.task == "classification" else (2, 140, 3)
    require(out.shape == shape, f"logits of shape {tuple(out.shape)}, not {shape}")
    require(out.dtype == torch.float32, f"logits of type {out.dtype}")
    out.square().sum().backward()
    for name, parameter in trial.model.named_parameters():
        require(parameter.grad is not None, f"{name} gets no gradient")
        assert parameter.grad is not None
        require(parameter.grad.isfinite().all(), f"the gradient of {name} is not finite")


def clouds_do_not_mix(trial: Trial) -> None:
    """In evaluation mode a cloud gives the same alone and beside others."""
    together = trial.answer()
    for i in range(2):
        with torch.no_grad():
            alone = trial.model(trial.pos[i : i + 1], trial.normal[i : i + 1])
        close(alone, together[i : i + 1])


def order_of_points(trial: Trial) -> None:
    """The order of the points does not matter, but for the first, where sampling starts."""
    order = 1 + torch.randperm(NUM - 1, generator=trial.generator)
    order = torch.cat([torch.zeros(1, dtype=torch.long), order])
    close(trial.answer(order), trial.of_points(trial.answer(), order))


def padding_changes_nothing(trial: Trial) -> None:
    """Points of padding, whatever stands in them, change no logits."""
    real = 270
    mask = torch.arange(NUM).expand(2, -1) < real
    fill = torch.tensor(50.0)
    pos, normal = (torch.where(mask.unsqueeze(-1), t, fill) for t in (trial.pos, trial.normal))
    with torch.no_grad():
        out = trial.model.eval()(pos, normal, mask=mask)
    close(trial.of_points(out, slice(real)), trial.answer(slice(real)))


def normals(trial: Trial) -> None:
    """With normals they matter, and training asks for them; without, they are ignored."""
    model, turned = trial.model, -trial.normal
    with torch.no_grad():
        require(
            not torch.equal(model.eval()(trial.pos, turned), trial.answer()),
            "other normals give the same logits",
        )
    try:
        model.train()(trial.pos)
    except InputError:
        pass
    else:
        raise AssertionError("it trains without the normals that it was made for")
    plain = trial.build(normals=False).eval()
    with torch.no_grad():
        require(
            torch.equal(plain(trial.pos), plain(trial.pos, turned)),
            "made without normals, it takes notice of them",
        )


def attention_option(trial: Trial) -> None:
    """The attention can be exchanged, and an unknown one is refused."""
    if not trial.takes("attention"):
        return
    other = trial.build(attention="self")
    require(other.info.options["attention"] == "self", "info does not say the attention")
    try:
        trial.build(attention="no-such-attention")
    except InputError:
        return
    raise AssertionError("an attention that does not exist is taken")


def save_and_load(trial: Trial) -> None:
    """Saved and loaded again, it is the same, and in evaluation mode."""
    model = trial.model
    model(trial.pos, trial.normal)  # moves the running statistics
    expected = trial.answer()
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder, "model.safetensors"))
        loaded = load_model(folder)
    require(not loaded.training, "it is loaded in training mode")
    require(loaded.info == model.info, "its info differs")
    with torch.no_grad():
        require(torch.equal(loaded(trial.pos, trial.normal), expected), "its logits differ")


def evaluation_changes_nothing(trial: Trial) -> None:
    """In evaluation mode the same input gives the same logits, and leaves no trace in the model."""
    before = copy.deepcopy(trial.model.state_dict())
    require(torch.equal(trial.answer(), trial.answer()), "the logits differ from call to call")
    for name, tensor in trial.model.state_dict().items():
        require(torch.equal(tensor, before[name]), f"{name} has changed")


def same_seed_same_start(trial: Trial) -> None:
    """The same seed gives the same parameters."""
    other = trial.build().state_dict()
    for name, tensor in trial.build().state_dict().items():
        require(torch.equal(tensor, other[name]), f"{name} differs")


def double(trial: Trial) -> None:
    """In double precision it gives doubles, and the same figures."""
    single = trial.answer()
    with torch.no_grad():
        out = trial.model.double()(trial.pos.double(), trial.normal.double())
    require(out.dtype == torch.float64, f"logits of type {out.dtype}")
    close(single.double(), out)


def compiles_whole(trial: Trial) -> None:
    """It compiles as one graph, which gives the same logits."""
    torch.compiler.reset()
    if trial.takes("depth"):  # each layer compiles as the first does, and takes as long
        trial.model = trial.build(depth=1)
    compiled = torch.compile(trial.model.eval(), fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        close(compiled(trial.pos, trial.normal), trial.answer())


def close(found: Tensor, expected: Tensor) -> None:
    """Compare as closely as float32 allows over several layers."""
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * scale)


MODEL_CHECKS: tuple[Callable[[Trial], None], ...] = (
    describes_itself,
    forward_and_backward,
    clouds_do_not_mix,
    order_of_points,
    padding_changes_nothing,
    normals,
    attention_option,
    save_and_load,
    evaluation_changes_nothing,
    same_seed_same_start,
    double,
    compiles_whole,
)
"""Every check, in the order in which they build on each other."""
