"""The base class of models: it samples a user's shape, checks a batch and predicts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from pcea.attention import MapKind
from pcea.defaults import EXPLAIN_VOTES, UP
from pcea.errors import InputError, checked
from pcea.formats import Cloud, Mesh, ShapeLike, as_shape
from pcea.geometry import (
    UP_AXES,
    isolated_points,
    leave_out,
    opposite_sides,
    unit_sphere,
    upright,
)
from pcea.models.attention_map import attention_maps
from pcea.models.encoder import PointTransformer
from pcea.models.familiarity import Familiarity, of_shape
from pcea.models.info import ModelInfo
from pcea.models.prediction import EncodedSample, ModelInput, Prediction, UpGuess, recording
from pcea.models.preparing import Prepared, check_batch, check_values, with_normals

# How many query points attention among points is given for.
QUERIES = 8
# How many further points are sampled to estimate the normals of a shape that has none.
SURFACE_POINTS = 4096
# Normals are not used if more than this share of them, at so many points, is on the other side of
# the surface than the rest; docs/models.md has the shares of good and of bad normals.
MIXED, SIDE_POINTS = 0.15, 2048
# How many votes share a forward pass.
AT_A_TIME = 8


def uncompiled(module: Any) -> Any:
    """Unwrap what torch.compile returns: it hides the type and the weight names of a module."""
    return getattr(module, "_orig_mod", module)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and afterwards restore the mode of each module."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def at_temperature(probability: Tensor, temperature: float) -> Tensor:
    """Divide the logarithms of probabilities (…, C) by a temperature; the results sum to 1."""
    if temperature == 1:
        return probability
    return (probability.log() / temperature).softmax(-1)


def has_mixed_sides(shape: Mesh | Cloud) -> bool:
    """Tell whether a shape's normals are on both sides of its surface, so that they mislead."""
    cloud = shape.sample(SIDE_POINTS)
    if cloud.normal is None:
        return False
    return float(opposite_sides(cloud.pos[None], cloud.normal[None])) > MIXED


class PointModel(nn.Module):
    """A point transformer with a head.

    Args:
        info: what the model is called, predicts, and was trained on.
        encoder: the point transformer.
    """

    task: ClassVar[Literal["classification", "segmentation"]]

    clean: bool = True
    """Whether stray points are left out, in evaluation mode; see :mod:`pcea.geometry.strays`."""

    familiarity: Familiarity | None
    """What :func:`pcea.evaluation.make_trustworthy` learned of the training split's features."""

    def __init__(self, info: ModelInfo, encoder: PointTransformer) -> None:
        super().__init__()
        self.info = info
        self.encoder = encoder
        self.familiarity = None

    def __repr__(self) -> str:
        taxonomy, count = self.info.taxonomy, sum(each.numel() for each in self.parameters())
        classes = f"{len(taxonomy.categories)} categories"
        if self.task == "segmentation":
            classes += f", {len(taxonomy.parts)} parts"
        return (
            f"{type(self).__name__}({self.info.name}: {self.task} of {classes}, "
            f"{self.encoder.attention} attention, {count:,} parameters)"
        )

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return self.encoder.fuse.linear.weight.device

    @property
    def last_layer(self) -> nn.Linear:
        """The layer that gives the logits."""
        raise NotImplementedError

    def features(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
        complements: bool = False,
    ) -> Tensor:
        """Compute what :attr:`last_layer` takes: (B, hidden) or (B, N, hidden).

        The arguments are those of :meth:`prepare`. With ``complements``, which needs a
        complementary attention, it is (3B, …): the features, their complements, and those of the
        sum of both, see :meth:`pcea.models.encoder.PointTransformer.forward`. Nothing reaches the
        complements but what the attention reads, and so not the category.
        """
        raise NotImplementedError

    def category_probability(self, probability: Tensor) -> Tensor:
        """Give the probability of each category, (…, categories).

        A classifier's (…, categories) stay as they are. A segmenter's (…, P, parts) are summed over
        the parts of each category, averaged over the points, and calibrated by
        ``info.category_temperature``.
        """
        if self.task == "classification":
            return probability
        mask = self.info.taxonomy.part_mask().to(probability.device)  # (categories, parts)
        summed = (probability.mean(-2).unsqueeze(-2) * mask).sum(-1)
        return at_temperature(summed, self.info.category_temperature)

    def prepare(
        self,
        pos: Tensor,
        normal: Tensor | None = None,
        category: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Prepared:
        """Check and prepare a batch for the network; every ``forward`` begins with this call.

        In evaluation mode, stray points are moved onto their nearest kept points, unless ``clean``
        is false, and normals that the model needs and that are unknown (zero, or None) are
        estimated. In training mode, the batch is only checked.

        Args:
            pos: (B, N, 3) positions, centered and scaled to the unit sphere.
            normal: (B, N, 3) unit normals, used by a model made for them. Default: unknown.
            category: (B,) int64 category ids, which are only checked here. Default: unknown.
            mask: (B, N) bool, true at real points. Default: all are real.

        Raises:
            InputError: a shape, type or device does not fit, positions are not clouds in the unit
                sphere, or normals are needed in training and there are none.
        """
        pos, normal = check_batch(pos, normal, category, mask, self.encoder.fuse.linear.weight)
        if self.encoder.normals and normal is None and self.training:
            raise InputError(
                f"model {self.info.name!r} was made with normals, and there are none to train on"
            )
        # Checking values makes the CPU wait for the GPU, so a training step there skips it.
        if not self.training or pos.device.type == "cpu":
            given = category if self.task == "segmentation" else None
            pos = check_values(pos, mask, given, len(self.info.taxonomy.categories))
        if self.training:
            return Prepared(pos, normal, None)
        stand_in = None
        if self.clean:
            pos, stand_in = leave_out(pos, isolated_points(pos, mask), mask)
            if normal is not None:
                normal = normal.gather(1, stand_in.unsqueeze(-1).expand_as(normal))
        if self.encoder.normals:
            normal = with_normals(pos, normal, mask)
        return Prepared(pos, normal, stand_in)

    @checked()
    def sample(self, shape: ShapeLike, seed: int = 0, up: str = "y") -> ModelInput:
        """Prepare a cloud or mesh as the training data were: sampled and scaled to the unit sphere.

        Args:
            shape: a cloud or mesh in any unit, or anything else that :func:`pcea.as_shape` takes.
            seed: which points are sampled.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`.

        Returns:
            ``info.num_points`` points, and what was done to them. Normals that the model needs
            are there; they are estimated if the shape lacks some, or has them on both sides of
            its surface.

        Raises:
            InputError: it is not a shape, all points are equal, or there is no such axis.
        """
        return self._samples(as_shape(shape), [seed], up)[0]

    def _samples(self, shape: Mesh | Cloud, seeds: Sequence[int], up: str) -> list[ModelInput]:
        """Prepare several samplings of a shape together."""
        clouds = [shape.sample(self.info.num_points, seed) for seed in seeds]
        if any(bool((cloud.pos == cloud.pos[:1]).all()) for cloud in clouds):
            raise InputError(
                f"{shape.name or 'the shape'}: all of its points are equal; at least 2 different "
                "points are needed"
            )

        def standing(several: Sequence[Cloud]) -> tuple[Tensor, Tensor | None]:
            pos = torch.stack([upright(unit_sphere(each.pos), up) for each in several])
            normals = [upright(each.normal, up) for each in several if each.normal is not None]
            return pos.to(self.device), torch.stack(normals).to(self.device) if normals else None

        pos, normal = standing(clouds)
        mixed = self.encoder.normals and has_mixed_sides(shape)
        known = normal is not None and not mixed and bool(normal.any(-1).all())
        why_estimated = None
        if self.encoder.normals and not known:
            none = normal is None or not normal.any()
            lacks = "the shape has none" if none else "some points have none"
            why_estimated = "they are on both sides of the surface" if mixed else lacks
        with evaluating(self), torch.no_grad():
            if why_estimated is not None:
                # More points than the model takes give better normals.
                more = [shape.sample(SURFACE_POINTS, seed) for seed in seeds]
                dense = map(Cloud.join, zip(clouds, more, strict=True))
                dense_pos, dense_normal = standing(list(dense))
                normal = self.prepare(dense_pos, None if mixed else dense_normal).normal
                assert normal is not None
                normal = normal[:, : self.info.num_points]
            ready = self.prepare(pos, normal)
        index = torch.arange(self.info.num_points).expand(len(clouds), -1)
        stand_in = index if ready.stand_in is None else ready.stand_in.cpu()
        normals = [None] * len(clouds) if normal is None else normal.split(1)
        return [
            ModelInput(*each, why_estimated)
            for each in zip(clouds, pos.split(1), normals, stand_in, strict=True)
        ]

    @checked(votes=1)
    def predict(
        self,
        shape: ShapeLike,
        votes: int,
        up: str = UP,
        category: str | None = None,
        gradients: bool = False,
        guess: UpGuess | None = None,
    ) -> Prediction:
        """Run the model on a shape; up to eight votes go through one forward pass.

        Each vote keeps the inputs of the attention layers and the tokens of every level. The mode
        of the model is restored.

        Args:
            shape: a cloud or mesh in any unit, or anything else that :func:`pcea.as_shape` takes.
            votes: how many samplings of the shape are averaged.
            up: the shape's up axis, one of :data:`pcea.geometry.UP_AXES`, or ``auto``, which is
                the default: :func:`pcea.models.orientation.find_up` guesses it. If the guess is
                not settled, the probabilities of the categories are combined over all axes. A model
                that tells the up axis itself gets the shape as it is.
            category: the category that a segmenter is given. Default: none.
            gradients: whether gradients of the logits reach the input positions.
            guess: a guess of the up axis that was made before, which ``auto`` takes.

        Raises:
            InputError: ``votes`` is below 1, or there is no such category or axis.
        """
        from pcea.models.orientation import combined_categories, find_up

        if category is not None and self.task == "classification":
            raise InputError(f"{self.info.name!r} is a classifier: it takes no category")
        shape, category_id, over_axes = as_shape(shape), None, None
        if category is not None:
            category_id = self.info.taxonomy.category_id(category)
        if up == "auto" and self.info.taxonomy.categories == UP_AXES:
            up = "y"
        if up != "auto":
            guess = None
        else:
            # The categories of a guess that was made before may be those of another model.
            guess = replace(guess, categories=None) if guess else find_up(self, shape)
            up = guess.up
            if category_id is None and not guess.settled:
                over_axes = combined_categories(self, shape, guess)
        encoded = list[EncodedSample]()
        with evaluating(self), torch.set_grad_enabled(gradients):
            for first in range(0, votes, AT_A_TIME):
                taken = self._samples(shape, range(first, min(first + AT_A_TIME, votes)), up)
                pos = torch.cat([each.pos.requires_grad_(gradients) for each in taken])
                normals = [each.normal for each in taken if each.normal is not None]
                given = None
                if category_id is not None:
                    given = torch.full((len(taken),), category_id, device=self.device)
                # Not by __call__: a compiled model rounds differently and records nothing.
                with recording(self.encoder) as recorded, self._distances(given) as found:
                    logits = self.forward(pos, torch.cat(normals) if normals else None, given)
                distances: list[float | None] = [*found] or [None] * len(taken)
                clouds = recorded.clouds(len(taken))
                each_vote = zip(taken, logits, clouds, distances, strict=True)
                encoded += [EncodedSample(*each) for each in each_vote]
        return Prediction(self, shape, up, guess, category_id, tuple(encoded), over_axes)

    @contextmanager
    def _distances(self, category: Tensor | None) -> Iterator[list[float]]:
        """Measure how unfamiliar each cloud of a forward pass is; nothing if that is not known.

        It is not known of clouds whose category is given, because that changes their features.
        """
        found, familiarity = list[float](), self.familiarity
        if familiarity is None or category is not None:
            yield found
            return

        def measure(layer: nn.Module, given: tuple[Tensor]) -> None:
            found.extend(familiarity.distance(of_shape(given[0].detach())).tolist())

        hook = self.last_layer.register_forward_pre_hook(measure)
        try:
            yield found
        finally:
            hook.remove()

    @checked()
    def show_maps(self, kind: MapKind) -> None:
        """Choose which map every attention layer gives from now on, if its attention has several.

        ``kind`` is ``slots`` or ``points``; it is an InputError if a layer has no such map.
        """
        for number, attention in enumerate(self.encoder.attentions):
            if kind not in (attention.map_kind, *attention.map_kinds):
                raise InputError(
                    f"layer {number} of {self.info.name!r}, {self.encoder.attention} attention, "
                    f"has no map over {kind}; it has one over {attention.map_kind}"
                )
        for attention in self.encoder.attentions:
            attention.map_kind = kind

    @checked(votes=1)
    def attention(self, shape: ShapeLike, votes: int = EXPLAIN_VOTES, up: str = UP) -> list[Tensor]:
        """Give each layer's attention on a whole shape, a short form of :func:`pcea.explain`.

        The arguments are those of :meth:`predict`; four votes are the default. For a cloud of N
        points, or a mesh of N vertices, there is one map per layer, the mean of its heads: (N, S)
        for attention over S slots, and (N, 9) for attention among points, with the columns that
        :class:`pcea.models.AttentionMap` describes.
        """
        found = self.predict(shape, votes, up)
        maps = [each.values.mean(0) for each in attention_maps(found, QUERIES)]
        # All layers at once, so that the interpolation on the surface is computed once.
        carried = found.shape.carry_back(found.sample, torch.cat(maps, dim=1))
        return list(carried.split([each.shape[1] for each in maps], dim=1))
