"""The data set ``everyday``: other data sets together, under one taxonomy with common names.

The file ``everyday.yaml`` is the taxonomy. It says what each category and part of the other data
sets is called here, such as ``chair/back`` for both ``Chair/backsupport`` and ``CosegChair/part0``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import torch
import yaml
from safetensors.torch import save
from torch import Tensor

from pcea.datasets.cache import cached
from pcea.datasets.clouds import UNLABELED, Clouds, tensors_of
from pcea.datasets.joined import Joined
from pcea.datasets.layout import register_dataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError, checked
from pcea.geometry import estimate_normals
from pcea.geometry.estimated_normals import VERSION

FILE = Path(__file__).with_suffix(".yaml")
# Clouds of a category of a data set without part labels.
WITHOUT_PARTS = 48
# In `train`, the normals of every third cloud are estimated: models then learn from both kinds.
ESTIMATED = 3
# In `train`, real shapes with part labels of a category that is rare in its own data set occur so
# often that there are about `WANTED`, but at most `COPIES` times. Else they would hardly count.
RARE, WANTED, COPIES = ("meshparts23", "shapenetpart"), 60, 5


@dataclass(frozen=True)
class Named:
    """What a category of another data set is called: its common name, and those of its parts."""

    category: str
    parts: Mapping[str, str]


@cache
def name_table() -> dict[str, dict[str, Named]]:
    """Read ``everyday.yaml``: {data set: {category: its common names}}."""
    table = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        source: {name: Named(common, *parts or [{}]) for name, (common, *parts) in lines.items()}
        for source, lines in table.items()
    }


@cache
def everyday_taxonomy() -> Taxonomy:
    """Join the common names of all data sets: categories in alphabetical order, with their parts.

    The parts of a category are those of all data sets that have it, in the order of the file.
    """
    parts = dict[str, dict[str, None]]()
    for lines in name_table().values():
        for named in lines.values():
            parts.setdefault(named.category, {}).update(dict.fromkeys(named.parts.values()))
    categories = tuple(sorted(parts))
    return Taxonomy(categories, tuple(f"{name}/{p}" for name in categories for p in parts[name]))


@dataclass(frozen=True)
class Translation:
    """Where the labels of another data set are in the taxonomy ``everyday``.

    Args:
        category: (categories,) int64 the id of each of its categories.
        part: (parts,) int64 the id of each of its parts.
    """

    category: Tensor
    part: Tensor


def translate(name: str, theirs: Taxonomy) -> Translation | None:
    """Translate the labels of a data set of a name, or give None if the table lacks one of them."""
    own, lines = everyday_taxonomy(), name_table().get(name, {})
    if not set(theirs.categories) <= lines.keys():
        return None
    category = [own.categories.index(lines[each].category) for each in theirs.categories]
    common = [_common_part(lines, part) for part in theirs.parts]
    if None in common:
        return None
    part = [own.parts.index(each) for each in common if each is not None]
    return Translation(torch.tensor(category), torch.tensor(part, dtype=torch.long))


def _common_part(lines: Mapping[str, Named], part: str) -> str | None:
    """Find what a part such as ``Chair/backsupport`` is called, or None if it has no name."""
    owner, _, name = part.rpartition("/")
    named = lines.get(owner)
    if named is None or name not in named.parts:
        return None
    return f"{named.category}/{named.parts[name]}"


@register_dataset("everyday")
class Everyday(Joined):
    """Several data sets: meshparts23, ShapeNetPart, procedural shapes, and ModelNet40.

    Unknown normals are estimated, in ``train`` also those of every third cloud. The split ``train``
    has all of these data sets, ``val`` and ``test`` only those with part labels. Of ModelNet40,
    whose points have no part labels, it takes the first clouds of each category. In ``train``,
    clouds of meshparts23 and ShapeNetPart whose category is rare there occur several times; one or
    two of five copies have estimated normals.
    """

    built_in = "shapes", "gear"
    made_of = ("meshparts23", "shapenetpart", "modelnet40")

    @checked(without_parts=0, procedural=1, copies=1)
    def read(
        self,
        folder: Path,
        split: str,
        without_parts: int = WITHOUT_PARTS,
        procedural: int | None = None,
        copies: int = COPIES,
    ) -> tuple[Clouds, Taxonomy]:
        """Read a split of each data set, and translate its labels.

        Args:
            folder: the folder of the data sets.
            split: train, val or test.
            without_parts: how many clouds of each category of ModelNet40 there are in ``train``.
            procedural: how many procedural shapes of each category. Default: as in ``shapes``.
            copies: how often a cloud of a rare category occurs in ``train`` at most.

        Raises:
            InputError: a data set is missing or damaged.
        """
        several = []
        with_modelnet40 = split == "train" and without_parts > 0
        sources = [name for name in name_table() if with_modelnet40 or name != "modelnet40"]
        for data in self.load_each(folder, split, procedural, sources):
            clouds, names = data.clouds, data.taxonomy.categories
            known = torch.tensor([name in name_table()[data.name] for name in names])
            kept = known[clouds.category]
            if data.name == "modelnet40":
                kept &= _first(clouds.category, without_parts)
            clouds = clouds.select(kept)
            if split == "train" and data.name in RARE:
                clouds = clouds.select(_often(clouds.category, copies))
            several.append(_renamed(data.name, clouds, data.taxonomy))
        joined = Clouds.cat(several)
        every = ESTIMATED if split == "train" else 0
        content = save(tensors_of(joined), metadata={"names": json.dumps(joined.names)})
        clouds = cached(
            f"{self.name}-{split}",
            folder,
            files=[],
            params={"content": sha256(content).hexdigest(), "every": every, "normals": VERSION},
            build=lambda: replace(joined, normal=_all_normals(joined, every)),
        )
        return clouds, everyday_taxonomy()


def _first(category: Tensor, count: int) -> Tensor:
    """Select the first clouds of each category: (M,) bool."""
    kept = torch.zeros(len(category), dtype=torch.bool)
    for each in category.unique():
        kept[(category == each).nonzero()[:count, 0]] = True
    return kept


def _often(category: Tensor, copies: int) -> Tensor:
    """The index of each cloud, (K,), repeated as often as the training split has it."""
    count = category.bincount()[category]
    return torch.arange(len(category)).repeat_interleave((WANTED // count).clamp(1, copies))


def _renamed(source: str, clouds: Clouds, theirs: Taxonomy) -> Clouds:
    """Give clouds of another data set the labels of this one."""
    lines, own = name_table()[source], everyday_taxonomy()
    new_category = {i: lines[n].category for i, n in enumerate(theirs.categories) if n in lines}
    category = torch.tensor(
        [own.categories.index(new_category[i]) for i in clouds.category.tolist()]
    )
    part = torch.full((len(clouds.pos),), UNLABELED)
    if clouds.part is not None:
        new_part = torch.full((len(theirs.parts),), UNLABELED)
        for i in clouds.part[clouds.part != UNLABELED].unique().tolist():
            common = _common_part(lines, theirs.parts[i])
            if common is None:
                raise InputError(f"{FILE.name} has no name for {theirs.parts[i]} of {source}")
            new_part[i] = own.parts.index(common)
        part = torch.where(clouds.part == UNLABELED, UNLABELED, new_part[clouds.part.clamp(min=0)])
    return replace(clouds, category=category, part=part)


def _all_normals(clouds: Clouds, every: int) -> Tensor:
    """Estimate the normals of clouds in which some are unknown, and of each ``every``-th cloud."""
    assert clouds.normal is not None
    normal = clouds.normal.clone()
    unknown = (normal == 0).all(1)
    for i, (first, after) in enumerate(pairwise(clouds.ptr.tolist())):
        points = slice(first, after)
        if unknown[points].any() or (every and i % every == 0):
            normal[points] = estimate_normals(clouds.pos[None, points])[0]
    return normal
