"""Check what must be true of every transform and every corruption."""

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize

from pcea.datasets.clouds import Batch, Clouds, tensors_of
from pcea.testing.trial import Trial, refused, require, run_trials
from pcea.transforms import Transform, as_transforms, corruption_transforms
from pcea.transforms.base import TRANSFORMS, changed
from pcea.transforms.corruptions import CORRUPTIONS, SEVERITIES, apply_by_cloud

CLOUDS = 12
# Each cloud has this many stars: a point and four points around it, on two crossing lines.
STARS = 40
STEP = 1e-3


def check_transform(name: str, **values: Any) -> None:
    """Check a transform by all methods ``test_…`` of :class:`TransformTrial`.

    ``name`` is one of :func:`pcea.transforms.list_transforms`, ``values`` are its own. A check that
    fails raises an AssertionError that says what is wrong.
    """
    transform = TRANSFORMS.get(name)(**values)
    run_trials(TransformTrial, f"transform {name!r}", transform)


def check_corruption(name: str) -> None:
    """Check a corruption of :func:`pcea.transforms.list_corruptions`.

    A check that fails raises an AssertionError that says what is wrong.
    """
    run_trials(CorruptionTrial, f"corruption {name!r}", name)


class TransformTrial(Trial):
    """A transform, and clouds of points on ellipsoids, with normals and a part for each point."""

    def __init__(self, transform: Transform) -> None:
        self.transform = transform
        generator = Generator().manual_seed(0)
        radii = 0.4 + 0.6 * torch.rand(CLOUDS, 1, 3, generator=generator)
        middle = normalize(torch.randn(CLOUDS, STARS, 3, generator=generator), dim=-1)
        one = torch.linalg.cross(middle, torch.randn(middle.shape, generator=generator))
        one = STEP * normalize(one, dim=-1)
        two = torch.linalg.cross(middle, one)
        star = [middle, middle + one, middle + two, middle - one, middle - two]
        ball = normalize(torch.stack(star, 2).flatten(1, 2), dim=-1)  # (B, 5 S, 3)
        self.total = ball.shape[1]
        part = torch.arange(CLOUDS * self.total).view(CLOUDS, self.total)
        normal = normalize(ball / radii, dim=-1)
        self.batch = Batch(
            ball * radii, torch.arange(CLOUDS) % len(transform.categories or range(5)), normal, part
        )

    def some(self, clouds: list[int]) -> Batch:
        """Select some of the clouds."""
        return changed(self.batch, **{n: x[clouds] for n, x in tensors_of(self.batch).items()})

    def apply(self, batch: Batch | None = None, seed: int = 1, always: bool = False) -> Batch:
        """Apply the transform; with ``always``, its probability is 1."""
        transform = replace(self.transform, probability=1.0) if always else self.transform
        return transform(self.batch if batch is None else batch, Generator().manual_seed(seed))

    def test_text(self) -> None:
        """Every value has a default, and the text of a transform is read as the same transform."""
        type(self.transform)()
        require(as_transforms(str(self.transform)) == (self.transform,), f"{self.transform}")

    def test_shapes(self) -> None:
        """The result has as many clouds, finite positions, and the same types and device."""
        after = self.apply()
        require(isinstance(after, Batch), f"it returns a {type(after).__name__}")
        count, total = after.pos.shape[:2]
        require(count == CLOUDS and total > 0, f"pos is {tuple(after.pos.shape)}")
        for name, old in tensors_of(self.batch).items():
            new = getattr(after, name)
            require(new is not None, f"{name} is gone")
            shape = (count, total, *old.shape[2:])[: old.ndim]
            require(tuple(new.shape) == shape, f"{name} is {tuple(new.shape)}")
            require(new.dtype == old.dtype and new.device == old.device, f"{name} is {new.dtype}")
        require(after.pos.isfinite().all(), "a position is not finite")
        require(after.mask is None, "there is padding")

    def test_repetition(self) -> None:
        """A seed of the generator determines the result; the given batch does not change."""
        torch.manual_seed(1)
        one = self.apply()
        torch.manual_seed(2)
        _require_same(one, self.apply())
        before = copy.deepcopy(self.batch)
        self.apply(always=True)
        _require_same(before, self.batch)

    def test_what_is_missing(self) -> None:
        """Clouds without normals and parts are changed in the same way, and get no parts."""
        bare = self.apply(changed(self.batch, normal=None, part=None))
        require(torch.equal(bare.pos, self.apply().pos), "positions depend on normals or parts")
        require(bare.part is None, "there are parts")

    def test_clouds(self) -> None:
        """Each cloud has its own random numbers, and does not depend on other clouds."""
        alike = self.some([0] * CLOUDS)
        one, other = (tensors_of(self.apply(alike, seed)) for seed in (1, 2))
        random = any(not torch.equal(one[name], other[name]) for name in one)
        same = all((x == x[:1]).all() for x in one.values())
        require(not (random and same), "all clouds of a batch have the same random numbers")
        if not self.transform.mixes:
            pos = self.batch.pos.clone()
            pos[0] = pos[0].flip(0) * 0.5
            after = tensors_of(self.apply(changed(self.batch, pos=pos)))
            for name, x in tensors_of(self.apply()).items():
                apart = torch.equal(x[1:], after[name][1:])
                require(apart, "a cloud's change depends on another cloud")

    def test_normals(self) -> None:
        """Normals have length 1 or are 0, and follow the surface."""
        pos, normal, part = _points(self.apply(always=True))
        length = normal.norm(dim=-1)
        require((((length - 1).abs() < 1e-4) | (length == 0)).all(), "a length is not 1")
        if torch.equal(pos[:, :1], self.batch.pos[:, :1]):
            return  # a transform that moves no point may compute new normals
        for cloud in range(CLOUDS):
            # The indices of the points of each star that still has all its points.
            index = normal[cloud].any(-1).nonzero().squeeze(1)
            place = torch.full((self.batch.pos[..., 0].numel(),), -1)
            star = place.scatter(0, part[cloud][index], index).view(-1, 5)
            star = star[(star >= 0).all(1)]  # (S', 5)
            middle, *ends = pos[cloud][star].unbind(1)
            sides = torch.stack([ends[0] - ends[2], ends[1] - ends[3]], 1)  # (S', 2, 3)
            bend = torch.stack([ends[0] + ends[2], ends[1] + ends[3]], 1) - 2 * middle.unsqueeze(1)
            smooth = (bend.norm(dim=-1) < 0.05 * sides.norm(dim=-1)).all(1)
            off = (normalize(sides, dim=-1) * normal[cloud][star[:, :1]]).sum(-1).abs()[smooth]
            require((off < 0.02).all(), "a normal is not perpendicular to its surface")

    def test_labels(self) -> None:
        """Parts follow their points; categories stay, are mixed by share, or are named."""
        before, after, total = self.batch, self.apply(always=True), self.total
        pos, normal, part = _points(before)
        new_pos, new_normal, new_part = _points(after)
        flipped = _points(self.apply(changed(before, part=part.flip(1)), always=True))[2]
        expected = new_part // total * total + (total - 1 - new_part % total)
        carried = torch.equal(flipped, expected)
        require(carried, "parts do not follow their points, or positions depend on them")
        old = torch.cat([pos, normal], -1).flatten(0, 1)
        new = torch.cat([new_pos, new_normal], -1).flatten(0, 1)
        still = (torch.cdist(new, old, compute_mode="donot_use_mm_for_euclid_dist") == 0).any(1)
        right = (new == old[new_part.flatten()]).all(1)
        require(right[still].all(), "a point that did not move has another part")
        owner = new_part // total  # (B, N): the cloud of each point
        if not self.transform.mixes:
            names = self.transform.categories
            changes = not torch.equal(after.category, before.category)
            require(names is not None or not changes, "categories change, and it does not say so")
            require(names is None or after.category.max() < len(names), "there is no such category")
            own = torch.arange(CLOUDS).unsqueeze(1)
            require((owner == own).all(), "a point has a part of another cloud")
            return
        share = after.mixed_share
        assert share is not None
        require((share.sum(1) - 1).abs().max() < 1e-5, "shares do not add up to 1")
        truth = torch.nn.functional.one_hot(before.category[owner], 5).float().mean(1)
        soft = after.soft_category(5)
        require((soft - truth).abs().max() < 1e-5, "shares are not those of the points")
        main = soft.gather(1, after.category.unsqueeze(1)).squeeze(1)
        require(torch.equal(main, soft.amax(1)), "the category is not the one of most points")

    def test_torch_geometric(self) -> None:
        """A ``Data`` is changed like a batch of one; one that changes categories refuses it."""
        from torch_geometric.data import Data

        one = self.some([0])
        pos, normal, part = (each[0] for each in _points(one))
        data = Data(pos=pos, normal=normal, y=part, name="one")
        if self.transform.mixes or self.transform.categories is not None:
            with refused("it changes categories, but accepts a Data"):
                self.transform(data)
            return
        out, batch = self.transform(data, Generator().manual_seed(1)), self.apply(one)
        for found, expected in zip((out.pos, out.normal, out.y), _points(batch), strict=True):
            require(torch.equal(found, expected[0]), "a Data and a batch give different results")
        require(out.name == "one", "the Data has lost its name")
        require(torch.equal(data.pos, pos) and data.y is not out.y, "the given Data changes")


class CorruptionTrial(Trial):
    """The transforms of each severity of a corruption."""

    def __init__(self, name: str) -> None:
        self.lists = [corruption_transforms(name, severity) for severity in SEVERITIES]
        self.together = CORRUPTIONS.get(name).together

    def test_severities(self) -> None:
        """There are five severities, with different lists of transforms that mix no clouds."""
        require(all(self.lists), "a severity has no transform")
        texts = {str(list(map(str, each))) for each in self.lists}
        require(len(texts) == 5, "two severities are the same")
        require(not any(each.mixes for some in self.lists for each in some), "it mixes clouds")

    def test_clouds(self) -> None:
        """The transforms of every severity pass the same checks as a transform, also in float64."""
        for transforms in self.lists:

            def apply(batch: Batch, generator: Generator, given: Any = transforms) -> Batch:
                for transform in given:
                    batch = transform(batch, generator)
                return batch

            trial = TransformTrial(*as_transforms(apply))
            trial.test_shapes()
            trial.test_what_is_missing()
            trial.test_repetition()
            trial.test_labels()
            _check_float64(trial)

    def test_clouds_together(self) -> None:
        """A cloud that is corrupted together with others becomes what it becomes alone."""
        if not self.together:
            return
        for transforms in self.lists:
            some = TransformTrial(transforms[0]).batch
            clouds = Clouds.from_dense(some.pos, some.category, some.normal, some.part)
            both, alone = (
                apply_by_cloud(clouds, transforms, clouds.longest, together=together)
                for together in (True, False)
            )
            for name, value in tensors_of(alone).items():
                require(torch.equal(value, getattr(both, name)), f"{name} differs")


def _check_float64(trial: TransformTrial) -> None:
    """Require that positions and normals stay in float64, in which evaluation computes."""
    pos, normal, _ = _points(trial.batch)
    after = trial.apply(changed(trial.batch, pos=pos.double(), normal=normal.double()))
    for name, x in (("positions", after.pos), ("normals", after.normal)):
        assert x is not None
        require(x.dtype == torch.float64, f"{name} in float64 become {x.dtype}")
        require(x.isfinite().all(), f"{name} in float64 are not finite")


def _points(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    assert batch.normal is not None and batch.part is not None
    return batch.pos, batch.normal, batch.part


def _require_same(one: Batch, other: Batch) -> None:
    for name, value in vars(one).items():
        same = value is getattr(other, name) or torch.equal(value, getattr(other, name))
        require(same, f"{name} differs")


TRANSFORM_CHECKS = TransformTrial.promises()
