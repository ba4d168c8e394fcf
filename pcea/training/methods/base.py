"""The interface and the registry of training methods, and the plain one."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn

from pcea.datasets import Batch, Clouds
from pcea.errors import InputError, nearest
from pcea.models import PointModel, WrappedModel
from pcea.recipes import Recipe
from pcea.registry import Registry
from pcea.training.batches import mix_seed
from pcea.training.losses import batch_loss

Loss = Callable[[Any, Batch, Tensor], Tensor]


class TrainingMethod(nn.Module):
    """A training method: what a step computes from a batch, and what happens between the steps.

    It is a module around the model. Its own parameters are trained together with the model's by the
    same optimizer. Its own parameters and buffers are saved in the state of the run, so that a
    resumed run has them, but not in weights files, which hold the model alone. This class itself is
    the method ``plain``.

    Args:
        model: the model that is trained.
        recipe: how it is trained.
        num_clouds: clouds of the training split.
    """

    several_processes: ClassVar[bool] = True
    """Whether the processes of a launcher may divide each batch among them."""

    all_labeled: bool = True
    """Whether each point of the training split has a part label; :func:`create_method` sets it."""

    def __init__(self, model: PointModel | WrappedModel, recipe: Recipe, num_clouds: int) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe
        self.num_clouds = num_clouds

    def forward(self, pos: Tensor, normal: Tensor | None, category: Tensor) -> Any:
        """Compute what the losses take: by default, the model's logits.

        This is what runs in the recipe's precision, what is compiled, and what is distributed.

        Args:
            pos: (B, N, 3) positions, drawn and transformed.
            normal: (B, N, 3) normals, if there are any.
            category: (B,) category ids, which a segmenter takes as an input.
        """
        return self.model(pos, normal, category)

    @property
    def losses(self) -> Sequence[Loss]:
        """The losses of a batch, by default :meth:`loss` alone.

        Each takes the arguments of :meth:`loss`, and for each there is a forward pass, a backward
        pass and a step of the optimizer, one after the other. The first one is reported.
        """
        return (self.loss,)

    def loss(self, output: Any, batch: Batch, index: Tensor) -> Tensor:
        """Compute the loss of a batch: by default, cross-entropy with label smoothing.

        Args:
            output: the result of :meth:`forward`.
            batch: the B clouds.
            index: (B,) their places in the training split, on the device.
        """
        taxonomy = None if self.all_labeled else self.model.info.taxonomy
        return batch_loss(output.float(), batch, self.recipe, taxonomy)

    def before_epoch(self, epoch: int, clouds: Clouds) -> None:
        """Do what an epoch needs before its first step; ``clouds`` is the training split.

        Epochs are counted from 0. A run that is resumed within an epoch does not call it again.
        """

    def after_step(self) -> None:
        """Do what is due after the optimizer's steps of a batch, before weights are averaged."""

    def generator(self, epoch: int) -> Generator:
        """Make a generator on the CPU for :meth:`before_epoch`, the same in a resumed run."""
        return Generator().manual_seed(mix_seed(self.recipe.seed, epoch, stream=-1))

    def own_state(self) -> dict[str, Tensor]:
        """Return the method's own parameters and buffers by name, without the model's."""
        state = self.state_dict()
        return {name: each for name, each in state.items() if not name.startswith("model.")}

    @torch.no_grad()
    def load_own_state(self, state: Mapping[str, Tensor]) -> None:
        """Load the result of :meth:`own_state`; RuntimeError if it does not fit."""
        models = {f"model.{name}": each for name, each in self.model.state_dict().items()}
        self.load_state_dict({**models, **state})


METHODS: Registry[type[TrainingMethod]] = Registry("training method", "pcea.methods")
register_method = METHODS.register
register_method("plain")(TrainingMethod)


def list_methods() -> list[str]:
    """List the names of all training methods, also of those in installed plug-ins, sorted."""
    return METHODS.names()


def method_of(model: nn.Module) -> str:
    """Return the training method that the attention of a model declares, or else ``plain``."""
    attentions = model.encoder.attentions if isinstance(model, PointModel) else ()
    return next((each.training_method for each in attentions), "plain")


def create_method(
    recipe: Recipe,
    model: PointModel | WrappedModel,
    num_clouds: int,
    all_labeled: bool = True,
) -> TrainingMethod:
    """Make the training method of a recipe for a model.

    ``all_labeled`` says whether each point of the training split has a part label.

    Raises:
        InputError: the method or one of its options is unknown, or does not fit the model.
    """
    name = method_of(model) if recipe.method == "auto" else recipe.method
    kind = METHODS.get(name)
    known = list(inspect.signature(kind).parameters)[3:]
    for option in recipe.method_options:
        if option not in known:
            hint = nearest(option, known) if known else ""
            raise InputError(f"training method {name!r} has no option {option!r}{hint}")
    method = kind(model, recipe, num_clouds, **recipe.method_options)
    method.all_labeled = all_labeled
    return method
