"""What every transform and every corruption must hold: a function for each promise."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor

from pcea.datasets.clouds import Batch
from pcea.errors import InputError
from pcea.testing.require import require, run_check
from pcea.transforms import Transform, as_transforms, corruption_transforms
from pcea.transforms.base import TRANSFORMS, changed
from pcea.transforms.corruptions import SEVERITIES

CLOUDS = 12
# Around each of so many points of a surface lie four others, two on each of two lines.
STARS = 40
STEP = 1e-3


class Trial:
    """A transform, and clouds of points on ellipsoids, with normals and a part for each point."""

    def __init__(self, transform: Transform) -> None:
        self.transform = transform
        generator = Generator().manual_seed(0)
        radii = 0.4 + 0.6 * torch.rand(CLOUDS, 1, 3, generator=generator)
        ball = torch.nn.functional.normalize(
            torch.randn(CLOUDS, STARS, 3, generator=generator), dim=-1
        )
        side = torch.linalg.cross(ball, torch.randn(ball.shape, generator=generator))
        side = torch.nn.functional.normalize(side, dim=-1)
        sides = torch.stack([side, torch.linalg.cross(ball, side)], 2)  # (B, S, 2, 3)
        around = torch.cat([torch.zeros_like(sides[:, :, :1]), sides, -sides], 2)
        ball = torch.nn.functional.normalize(ball.unsqueeze(2) + STEP * around, dim=-1)
        ball = ball.flatten(1, 2)  # (B, 5 S, 3)
        total = ball.shape[1]
        self.batch = Batch(
            ball * radii,
            torch.arange(CLOUDS) % 5,
            torch.nn.functional.normalize(ball / radii, dim=-1),
            torch.arange(CLOUDS * total).view(CLOUDS, total),
        )

    def apply(self, batch: Batch | None = None, seed: int = 1, always: bool = False) -> Batch:
        """Apply the transform; ``always``: to each cloud, whatever its probability."""
        transform = replace(self.transform, probability=1.0) if always else self.transform
        return transform(self.batch if batch is None else batch, Generator().manual_seed(seed))


def check_transform(name: str, **values: Any) -> None:
    """Check everything that a transform must hold.

    Args:
        name: a name of :func:`pcea.transforms.list_transforms`.
        values: the transform's own.

    Raises:
        AssertionError: something does not hold; the message says what.
        InputError: there is no such transform, or a value is wrong.
    """
    trial = Trial(TRANSFORMS.get(name)(**values))
    for check in TRANSFORM_CHECKS:
        run_check(check, trial, f"transform {name!r}")


def check_corruption(name: str) -> None:
    """Check everything that a corruption of :func:`pcea.transforms.list_corruptions` must hold.

    Raises:
        AssertionError: something does not hold; the message says what.
        InputError: there is no such corruption.
    """
    corruption_transforms(name, 1)
    for check in (severities, corrupted_clouds):
        run_check(check, name, f"corruption {name!r}")


def defaults_and_text(trial: Trial) -> None:
    """Every value has a default, and the text of a transform is read as the same transform."""
    type(trial.transform)()
    require(as_transforms(str(trial.transform)) == (trial.transform,), f"{trial.transform}")


def shapes(trial: Trial) -> None:
    """A batch becomes one of as many clouds, of the same types on the same device, all finite."""
    before, after = trial.batch, trial.apply()
    require(isinstance(after, Batch), f"it returns a {type(after).__name__}")
    count, total = after.pos.shape[:2]
    require(count == CLOUDS and total > 0, f"pos is {tuple(after.pos.shape)}")
    for name, shape in {"pos": (3,), "normal": (3,), "part": ()}.items():
        old, new = getattr(before, name), getattr(after, name)
        require(new is not None, f"{name} is gone")
        require(tuple(new.shape) == (count, total, *shape), f"{name} is {tuple(new.shape)}")
        require(new.dtype == old.dtype and new.device == old.device, f"{name} is {new.dtype}")
    require(bool(after.pos.isfinite().all()), "a position is not finite")
    require(after.mask is None, "there is padding")


def what_is_not_there(trial: Trial) -> None:
    """Clouds without normals and parts are changed alike, and get no parts."""
    bare = trial.apply(changed(trial.batch, normal=None, part=None))
    require(torch.equal(bare.pos, trial.apply().pos), "positions depend on normals or parts")
    require(bare.part is None, "there are parts")


def seeded(trial: Trial) -> None:
    """The generator alone decides: the same seed gives the same batch."""
    torch.manual_seed(1)
    one = trial.apply()
    torch.manual_seed(2)
    _require_same(one, trial.apply())


def untouched(trial: Trial) -> None:
    """The given batch stays as it is."""
    before = copy.deepcopy(trial.batch)
    trial.apply(always=True)
    _require_same(before, trial.batch)


def drawn_apart(trial: Trial) -> None:
    """What is drawn is drawn for each cloud, and a cloud's change depends on no other cloud."""
    index = torch.zeros(CLOUDS, dtype=torch.long)
    batch = trial.batch
    given = {name: None if x is None else x[index] for name, x in vars(batch).items()}
    alike = changed(batch, **given)
    one, other = trial.apply(alike), trial.apply(alike, seed=2)
    random = any(not torch.equal(a, b) for a, b in _pairs(one, other))
    same = all(bool((x == x[:1]).all()) for x in _tensors(one))
    require(not (random and same), "all clouds of a batch are changed alike")
    if trial.transform.mixes:
        return
    pos = batch.pos.clone()
    pos[0] = pos[0].flip(0) * 0.5
    for a, b in _pairs(trial.apply(), trial.apply(changed(batch, pos=pos))):
        require(torch.equal(a[1:], b[1:]), "a cloud's change depends on another cloud")


def normals(trial: Trial) -> None:
    """Normals have length 1 or are 0, and turn as the surface does."""
    after = trial.apply(always=True)
    assert after.normal is not None and after.part is not None
    length = after.normal.norm(dim=-1)
    require(bool(((length - 1).abs() < 1e-4).logical_or(length == 0).all()), "a length is not 1")
    if torch.equal(after.pos[:, :1], trial.batch.pos[:, :1]):
        return  # normals may be made anew where positions stay
    for cloud in range(CLOUDS):
        star = _whole_stars(after, cloud)  # (S', 5)
        middle, one, two, back, behind = after.pos[cloud][star].unbind(1)
        sides = torch.stack([one - back, two - behind], 1)  # (S', 2, 3)
        bend = torch.stack([one + back - 2 * middle, two + behind - 2 * middle], 1)
        smooth = (bend.norm(dim=-1) < 0.05 * sides.norm(dim=-1)).all(1)
        sides = torch.nn.functional.normalize(sides, dim=-1)
        normal = after.normal[cloud][star[:, :1]]  # (S', 1, 3)
        off = (sides * normal).sum(-1).abs().amax(1)[smooth]
        require(bool((off < 0.02).all()), "a normal does not stand upright on its surface")


def labels(trial: Trial) -> None:
    """Parts go with their points, and categories stay, or are mixed by the share of points."""
    before, after = trial.batch, trial.apply(always=True)
    assert before.part is not None and after.part is not None
    total = before.pos.shape[1]
    other = trial.apply(changed(before, part=before.part.flip(1)), always=True)
    assert other.part is not None
    flipped = after.part // total * total + (total - 1 - after.part % total)
    require(torch.equal(other.part, flipped), "parts are not carried, or something depends on them")
    old, new = (torch.cat([x.pos, x.normal], -1).flatten(0, 1) for x in (before, after))  # type: ignore[list-item]
    exact = "donot_use_mm_for_euclid_dist"
    still = (torch.cdist(new, old, compute_mode=exact) == 0).any(1)
    right = (new == old[after.part.flatten()]).all(1)
    require(bool(right[still].all()), "a point that did not move has another part")
    owner = after.part // total  # (B, N): the cloud that each point is of
    own = torch.arange(CLOUDS).unsqueeze(1)
    if not trial.transform.mixes:
        require(torch.equal(after.category, before.category), "categories change")
        require(bool((owner == own).all()), "a part is that of another cloud")
        return
    category, share = after.mixed_category, after.mixed_share
    assert category is not None and share is not None
    require(bool((share.sum(1) - 1).abs().max() < 1e-5), "shares do not add up to 1")
    truth = torch.zeros(CLOUDS, 5).scatter_add_(
        1, before.category[owner], torch.ones(owner.shape) / owner.shape[1]
    )
    soft = after.soft_category(5)
    require(bool((soft - truth).abs().max() < 1e-5), "shares are not those of the points")
    main = soft.gather(1, after.category.unsqueeze(1)).squeeze(1)
    require(torch.equal(main, soft.amax(1)), "the category is not the one of most points")


def of_torch_geometric(trial: Trial) -> None:
    """A ``Data`` becomes a ``Data`` as a batch of one does; a mixing transform refuses it."""
    from torch_geometric.data import Data

    batch = trial.batch
    assert batch.normal is not None and batch.part is not None
    data = Data(pos=batch.pos[0], normal=batch.normal[0], y=batch.part[0], name="one")
    if trial.transform.mixes:
        try:
            trial.transform(data)
        except InputError:
            return
        raise AssertionError("it mixes, and takes a single cloud")
    out = trial.transform(data, Generator().manual_seed(1))
    one = trial.apply(Batch(batch.pos[:1], batch.category[:1], batch.normal[:1], batch.part[:1]))
    assert one.normal is not None and one.part is not None
    for found, expected in ((out.pos, one.pos), (out.normal, one.normal), (out.y, one.part)):
        require(torch.equal(found, expected[0]), "the two differ")
    require(out.name == "one", "its name is gone")
    require(torch.equal(data.pos, batch.pos[0]) and data.y is not out.y, "the given one changes")


def severities(name: str) -> None:
    """There are five severities, each a list of transforms of its own that mix no clouds."""
    lists = [corruption_transforms(name, severity) for severity in SEVERITIES]
    require(all(lists), "a severity has no transform")
    require(len(set(map(str, map(_texts, lists)))) == 5, "two severities are the same")
    require(not any(each.mixes for some in lists for each in some), "it mixes clouds")


def corrupted_clouds(name: str) -> None:
    """Every severity keeps shapes, labels, seeds and the given batch as a transform must."""
    for severity in SEVERITIES:
        transforms = corruption_transforms(name, severity)

        def apply(batch: Batch, generator: Generator, given: Any = transforms) -> Batch:
            for transform in given:
                batch = transform(batch, generator)
            return batch

        trial = Trial(*as_transforms(apply))
        for check in (shapes, what_is_not_there, seeded, untouched, labels):
            check(trial)


def _texts(transforms: tuple[Transform, ...]) -> list[str]:
    return [str(each) for each in transforms]


def _tensors(batch: Batch) -> list[Tensor]:
    return [each for each in vars(batch).values() if each is not None]


def _pairs(one: Batch, other: Batch) -> list[tuple[Tensor, Tensor]]:
    return list(zip(_tensors(one), _tensors(other), strict=True))


def _require_same(one: Batch, other: Batch) -> None:
    for name, value in vars(one).items():
        same = value is getattr(other, name) or torch.equal(value, getattr(other, name))
        require(same, f"{name} differs")


def _whole_stars(after: Batch, cloud: int) -> Tensor:
    """(S', 5) where the points of each star lie in a cloud now, of the stars that are whole."""
    assert after.part is not None and after.normal is not None
    index = after.normal[cloud].any(-1).nonzero().squeeze(1)
    place = torch.full((CLOUDS * STARS * 5,), -1).scatter(0, after.part[cloud][index], index)
    stars = place.view(-1, 5)
    return stars[(stars >= 0).all(1)]


TRANSFORM_CHECKS: tuple[Callable[[Trial], None], ...] = (
    defaults_and_text,
    shapes,
    seeded,
    what_is_not_there,
    untouched,
    drawn_apart,
    normals,
    labels,
    of_torch_geometric,
)
"""Every check, in the order in which they build on each other."""
