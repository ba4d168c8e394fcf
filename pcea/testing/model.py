"""Check what must be true of every registered model."""

import inspect
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pcea.datasets import Taxonomy
from pcea.models import ModelInfo, PointModel, create_model, load_model, save_model
from pcea.models.encoder import PointTransformer
from pcea.models.registry import MODELS
from pcea.testing.module import ModuleTrial
from pcea.testing.trial import refused, require, run_trials

NAMES = Taxonomy(("cup", "chair"), ("cup/a", "cup/b", "chair/a"), ((0, 1), (2,)))
# More points than small models keep, so that sampling is checked, too.
NUM = 300


def check_model(name: str, **options: Any) -> None:
    """Check a model by all methods ``test_…`` of :class:`ModelTrial`.

    ``name`` is one of :func:`pcea.list_models`, ``options`` are its own, such as
    ``attention="mine"``. A check that fails raises an AssertionError that says what is wrong.
    """
    run_trials(ModelTrial, f"model {name!r}", name, **options)


class ModelTrial(ModuleTrial[PointModel]):
    """A model with normals, and two clouds to test it with."""

    def __init__(self, name: str, /, **options: Any) -> None:
        self.name = name
        build = partial(create_model, name, NAMES, num_points=64, normals=True)
        # With fresh weights, the logits of all clouds are nearly the same.
        super().__init__(partial(build, **options), noise=0.3)
        normal = torch.randn(2, NUM, 3, generator=self.generator)
        normal = torch.nn.functional.normalize(normal, dim=-1)
        pos = normal * torch.tensor([[[1.0, 1.0, 1.0]], [[1.0, 0.2, 0.5]]])
        self.inputs = pos, normal, torch.tensor([0, 1])

    def takes(self, option: str) -> bool:
        """Tell whether the model, or its encoder, has an option."""
        known = inspect.signature(MODELS.get(self.name).func).parameters.values()
        return any(each.name == option or each.kind is each.VAR_KEYWORD for each in known)

    def reload(self) -> PointModel:
        """Load the model from its weights file."""
        self.module.train()(*self.inputs)  # moves the running statistics
        with tempfile.TemporaryDirectory() as folder:
            save_model(self.module, Path(folder, "model.safetensors"))
            loaded = load_model(folder)
        require(not loaded.training, "it is loaded in training mode")
        require(loaded.info == self.module.info, "its info differs")
        return loaded

    def close(self, found: Tensor, expected: Tensor) -> None:
        """Compare as closely as float32 allows over several layers."""
        scale = float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * scale)

    def of_points(self, logits: Tensor, index: slice | Tensor) -> Tensor:
        """Select the logits of some points; a classifier has only those of the whole cloud."""
        return logits if self.module.task == "classification" else logits[:, index]

    def test_description(self) -> None:
        """Its info has the name and the taxonomy, and does not change when written as JSON."""
        model, info = self.module, self.module.info
        require(info.name == self.name, f"info.name is {info.name!r}")
        require(info.taxonomy == NAMES, "info has another taxonomy")
        require(info.num_points == 64, f"info.num_points is {info.num_points}, not 64")
        require(ModelInfo.from_json(info.to_json()) == info, "info is changed by JSON")
        require(isinstance(model.encoder, PointTransformer), "encoder is no PointTransformer")

    def test_shapes(self) -> None:
        """Logits have the right shape and type, with and without given categories."""
        pos, normal, category = self.inputs
        shape = (2, 2) if self.module.task == "classification" else (2, 140, 3)
        for given in (category, None):
            out = self.module(pos[:, :140], normal[:, :140], given)
            require(out.shape == shape, f"logits of shape {tuple(out.shape)}, not {shape}")
            require(out.dtype == torch.float32, f"logits of type {out.dtype}")

    def test_clouds(self) -> None:
        """In evaluation mode a cloud has the same logits alone as in a batch."""
        together = self.answer()
        for i in range(2):
            alone = self.answer(*(each[i : i + 1] for each in self.inputs))
            self.close(alone, together[i : i + 1])

    def test_order(self) -> None:
        """The order of the points does not matter, except for the first, where sampling starts."""
        order = torch.randperm(NUM - 1, generator=self.generator)
        order = torch.cat([order.new_zeros(1), 1 + order])
        pos, normal, category = self.inputs
        moved = self.answer(pos[:, order], normal[:, order], category)
        self.close(moved, self.of_points(self.answer(), order))

    def test_padding(self) -> None:
        """Padding, whatever its values are, changes no logits."""
        real = slice(270)
        pos, normal, category = self.inputs
        mask = torch.zeros(2, NUM, dtype=torch.bool)
        mask[:, real] = True
        fill = torch.tensor(50.0)
        padded = (torch.where(mask.unsqueeze(-1), each, fill) for each in (pos, normal))
        out = self.of_points(self.answer(*padded, category, mask), real)
        self.close(out, self.answer(pos[:, real], normal[:, real], category))

    def test_normals(self) -> None:
        """A model with normals uses and requires them; one without ignores them."""
        pos, normal, _ = self.inputs
        alike = torch.equal(self.answer(pos, -normal), self.answer(pos, normal))
        require(not alike, "other normals give the same logits")
        with refused("it trains without the normals that it needs"):
            self.module.train()(pos)
        plain = self.build(normals=False)
        alike = torch.equal(self.answer(pos, module=plain), self.answer(pos, normal, module=plain))
        require(alike, "a model without normals depends on them")

    def test_attention_option(self) -> None:
        """The attention can be exchanged, and an unknown one is refused."""
        if self.takes("attention"):
            other = self.build(attention="self")
            require(other.info.options["attention"] == "self", "info does not have the attention")
            with refused("an attention that does not exist is accepted"):
                self.build(attention="no-such-attention")

    def test_compiling(self) -> None:
        """It compiles to one graph, with the same logits."""
        torch.compiler.reset()
        if self.takes("depth"):  # further layers compile like the first, and take as long
            self.module = self.build(depth=1)
        compiled = torch.compile(self.module.eval(), fullgraph=True, backend="aot_eager")
        with torch.no_grad():
            self.close(compiled(*self.inputs), self.answer())


MODEL_CHECKS = ModelTrial.promises()
