"""The training method of CaaM: what holds in all partitions of the training set is learned."""

from collections.abc import Sequence
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.datasets import Batch, Clouds
from pcea.errors import InputError, require
from pcea.models import PointModel, WrappedModel
from pcea.models.base import evaluating
from pcea.recipes import Recipe
from pcea.training.device import autocast
from pcea.training.losses import batch_loss, loss_of_clouds
from pcea.training.methods.base import Loss, TrainingMethod, register_method
from pcea.training.methods.partitions import find_partitions, fit_classifier, scale_gradient

# A partition is one of clouds: of each, so many points say how a segmenter's parts are predicted.
POINTS_OF_CLOUD = 32


@register_method("caam")
class CausalTraining(TrainingMethod):
    """CaaM's training of a model whose attention is complementary, such as ``caam``.

    The training set has T partitions. Each has a last layer W_t of its own, which takes the causal
    features. The loss of a batch is

        mean over t of the cross-entropy by W_t of the clouds in partition t
        + λ · mean over t of (‖W_t − W̄‖₂ / ‖W_t‖₁)²     with the mean W̄ of all W_t
        + cross-entropy, by a further last layer, of the features of the sum of both outputs.

    A second step then moves the prediction of the complement by W̄ towards equal probabilities. At
    first, the partitions are random. Every ``refresh`` epochs they are found anew, as those in
    which a linear classifier on the complement's features is wrong in the most different ways; see
    :func:`pcea.training.methods.partitions.find_partitions`. The model's last layer is W̄.

    Args:
        model: the model that is trained.
        recipe: how it is trained.
        num_clouds: clouds of the training split.
        partitions: T.
        invariance: λ.
        confounder: weight of the loss of the second step; 0: there is no such step.
        refresh: after how many epochs the partitions are found anew. Default: a fifth of all.

    Raises:
        InputError: an option is out of range, the model cannot give the features of a complement,
            or only its last layer trains and there is a second step.

    Source:
        Wang et al., Causal Attention for Unbiased Visual Recognition, arXiv 2108.08782, section 3.
        The values of T, λ and ``refresh`` are those of the authors' code.
    """

    several_processes = False
    model: PointModel

    def __init__(
        self,
        model: PointModel | WrappedModel,
        recipe: Recipe,
        num_clouds: int,
        partitions: int = 4,
        invariance: float = 5e4,
        confounder: float = 1.0,
        refresh: int | None = None,
    ) -> None:
        super().__init__(model, recipe, num_clouds)
        require("training method 'caam': partitions", partitions, int, 1)
        require("training method 'caam': refresh", refresh, int | None, 1)
        for name, value in (("invariance", invariance), ("confounder", confounder)):
            require(f"training method 'caam': {name}", value, float, 0)
        if not isinstance(model, PointModel) or type(model).features is PointModel.features:
            raise InputError(
                f"training method 'caam' needs a model with the method 'features', which "
                f"{model.info.name!r} lacks: give --method plain"
            )
        if not any(each.complementary for each in model.encoder.attentions):
            raise InputError(
                f"training method 'caam' needs an attention with a complement, and model "
                f"{model.info.name!r} has none here: give --attention caam, or --method plain"
            )
        last = set(model.last_layer.parameters())
        if confounder and not any(p.requires_grad for p in set(model.parameters()) - last):
            raise InputError(
                "training method 'caam': freeze leaves nothing but the last layer, and the second "
                "step does not train that: give --method-options confounder=0, or freeze less"
            )
        self.invariance, self.confounder = invariance, confounder
        self.refresh = max(1, round(recipe.epochs / 5)) if refresh is None else refresh
        # All begin with the weights of the model's own last layer, which may be given by `init`.
        heads = [deepcopy(model.last_layer) for _ in range(partitions)]
        self.heads = nn.ModuleList(heads)
        self.mixed = deepcopy(model.last_layer)
        self.partition: Tensor
        drawn = torch.randint(partitions, (num_clouds,), generator=self.generator(0))
        self.register_buffer("partition", drawn)

    @property
    def losses(self) -> Sequence[Loss]:
        """The loss of a batch, and that of the confounder."""
        return (self.loss, self.confounder_loss) if self.confounder else (self.loss,)

    def forward(self, pos: Tensor, normal: Tensor | None, category: Tensor) -> Tensor:
        """Compute the features of both outputs and of their sum, (3B, …)."""
        return self.model.features(pos, normal, category, complements=True)

    def loss(self, output: Tensor, batch: Batch, index: Tensor) -> Tensor:
        """Compute the loss of the causal features and of the sum of both, ()."""
        causal, _, mixed = output.float().chunk(3)
        logits = torch.stack([head(causal) for head in self.heads])  # (T, B, …)
        partition = self.partition[index]  # (B,)
        own = logits[partition, torch.arange(len(index), device=index.device)]
        losses = loss_of_clouds(own, batch, self.recipe)
        risk = mean_of_partitions(losses, partition, len(self.heads))
        spread = variance_of_heads(self._stacked("weight"))
        sum_of_both = batch_loss(self.mixed(mixed), batch, self.recipe)
        return risk + self.invariance * spread + sum_of_both

    def confounder_loss(self, output: Tensor, batch: Batch, index: Tensor) -> Tensor:
        """Compute the cross-entropy between equal probabilities and W̄'s on the complement, ()."""
        _, confounder, _ = output.float().chunk(3)
        weight, bias = (self._stacked(name).mean(0).detach() for name in ("weight", "bias"))
        return -self.confounder * F.linear(confounder, weight, bias).log_softmax(-1).mean()

    @torch.no_grad()
    def after_step(self) -> None:
        """Let the model's last layer be the mean of the heads."""
        last = self.model.last_layer
        last.weight.copy_(self._stacked("weight").mean(0))
        last.bias.copy_(self._stacked("bias").mean(0))

    def before_epoch(self, epoch: int, clouds: Clouds) -> None:
        """Find the partitions anew, every ``refresh`` epochs."""
        if not self.all_labeled:
            raise InputError("method caam needs the part of each point, and some have no label")
        if epoch and epoch % self.refresh == 0:
            self.partition.copy_(self._find(epoch, clouds))

    @torch.no_grad()
    def _find(self, epoch: int, clouds: Clouds) -> Tensor:
        """Find the partition of each cloud with the weights as they are, (M,) int64."""
        generator, recipe = self.generator(epoch), self.recipe
        features, targets = list[Tensor](), list[Tensor]()
        with evaluating(self.model):
            for index in torch.arange(len(clouds), device=clouds.ptr.device).split(
                recipe.batch_size
            ):
                batch = clouds.batch(index, recipe.num_points, generator)
                with autocast(recipe, batch.pos.device):
                    every = self(batch.pos, batch.normal, batch.category)
                confounder = every.float().chunk(3)[1]
                if self.model.task == "segmentation":
                    assert batch.part is not None
                    features.append(confounder[:, :POINTS_OF_CLOUD])
                    targets.append(batch.part[:, :POINTS_OF_CLOUD])
                else:
                    features.append(confounder.unsqueeze(1))
                    targets.append(batch.category.unsqueeze(1))
        feature, target = torch.cat(features), torch.cat(targets)  # (M, P, D), (M, P)
        classes = self.model.last_layer.out_features
        biased = fit_classifier(feature.flatten(0, 1), target.flatten(), classes)
        gradient = scale_gradient(biased(feature), target).mean(1)  # (M,)
        with torch.enable_grad():
            return find_partitions(gradient.cpu(), len(self.heads), generator)

    def _stacked(self, name: str) -> Tensor:
        return torch.stack([getattr(head, name) for head in self.heads])  # (T, …)


def mean_of_partitions(losses: Tensor, partition: Tensor, number: int) -> Tensor:
    """Average losses (B,) within each partition, and then over those that occur, ()."""
    member = partition.unsqueeze(1) == torch.arange(number, device=partition.device)  # (B, T)
    count = member.sum(0)
    means = (losses @ member.to(losses.dtype)) / count.clamp(min=1)
    return means.sum() / (count > 0).sum()


def variance_of_heads(weight: Tensor) -> Tensor:
    """Average (‖W_t − W̄‖₂ / ‖W_t‖₁)² over the T weights (T, K, D), ()."""
    apart = (weight - weight.mean(0)).square().sum((1, 2))
    return (apart / weight.abs().sum((1, 2)).square()).mean()
