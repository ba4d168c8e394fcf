"""Any torch module, with what training and evaluation need to know of a model."""

import inspect
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.models.base import evaluating
from pcea.models.info import ModelInfo

Task = Literal["classification", "segmentation"]


class WrappedModel(nn.Module):
    """Any module whose ``forward(pos, normal=None[, category])`` gives logits, as a model.

    Args:
        module: takes (B, N, 3) positions in the unit sphere and, where its forward names them,
            ``normal`` (B, N, 3) or None and ``category`` (B,) or None. It gives (B, categories)
            logits, or (B, N, parts).
        info: what it predicts; its name is the module's class, its options have the task and
            whether the module is given normals.
    """

    def __init__(self, module: nn.Module, info: ModelInfo) -> None:
        super().__init__()
        self.module = module
        self.info = info
        self.task: Task = info.options["task"]
        taken = inspect.signature(module.forward).parameters
        self._takes = {name for name in ("normal", "category") if name in taken}

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return next(self.parameters()).device

    def forward(
        self, pos: Tensor, normal: Tensor | None = None, category: Tensor | None = None
    ) -> Tensor:
        """Give the module's logits, (B, categories) or (B, N, parts)."""
        given = {"normal": normal if self.info.options["normals"] else None, "category": category}
        logits: Tensor = self.module(pos, **{name: given[name] for name in self._takes})
        return logits


def wrap(
    module: nn.Module, taxonomy: Taxonomy, normals: bool = False, **about: Any
) -> WrappedModel:
    """Wrap a module as a model, after a forward pass on two clouds.

    ``about`` are further fields of :class:`ModelInfo`. It raises an InputError if the module cannot
    be called as :class:`WrappedModel` says, or if its outputs do not fit the taxonomy.
    """
    name = f"{type(module).__module__}:{type(module).__qualname__}"
    if not any(True for _ in module.parameters()):
        raise InputError(f"model {name}: it has no parameters to train")
    options = {"task": "classification", "normals": normals}
    model = WrappedModel(module, ModelInfo(name, taxonomy, options, **about))
    pos = nn.functional.normalize(torch.rand(2, 64, 3) - 0.5, dim=-1).to(model.device)
    with evaluating(model), torch.no_grad():
        try:
            logits = model(pos, pos, torch.zeros(2, dtype=torch.long, device=pos.device))
        except Exception as error:  # a module may raise anything
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise InputError(
                f"model {name} cannot be called with pos (2, 64, 3), or normal and category where "
                f"its forward names them: {reason}"
            ) from error
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    fitting: dict[Any, Task] = {(2, len(taxonomy.categories)): "classification"}
    if taxonomy.parts:
        fitting[2, 64, len(taxonomy.parts)] = "segmentation"
    if shape not in fitting:
        wanted = " or ".join(f"{each} for {task}" for each, task in fitting.items())
        raise InputError(f"model {name} gives {shape} for pos (2, 64, 3); needed is {wanted}")
    info = replace(model.info, options={**options, "task": fitting[shape]})
    return WrappedModel(module, info)
