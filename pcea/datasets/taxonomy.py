"""The names of a data set's labels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pcea.errors import InputError, nearest


@dataclass(frozen=True)
class Taxonomy:
    """Categories of whole shapes and, for part data sets, the parts of each category.

    Args:
        categories: name of each category id.
        parts: name of each global part id, ``"Category/part"``; empty without part labels.
        parts_of: the part ids of each category, ascending. Default: by the names of the parts.

    Raises:
        InputError: a name repeats, or ``parts_of`` does not fit ``categories`` and ``parts``.
    """

    categories: tuple[str, ...]
    parts: tuple[str, ...] = ()
    parts_of: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        for kind, names in (("category", self.categories), ("part", self.parts)):
            if len(set(names)) < len(names):
                twice = min(name for name in names if names.count(name) > 1)
                raise InputError(f"taxonomy: {kind} {twice!r} is named more than once")
        if not self.parts and not self.parts_of:
            return
        if not self.parts_of:
            owners = [name.rpartition("/")[0] for name in self.parts]
            if stray := set(owners) - set(self.categories):
                raise InputError(f"taxonomy: parts name {min(stray)!r}, which is no category")
            own = (tuple(i for i, o in enumerate(owners) if o == c) for c in self.categories)
            object.__setattr__(self, "parts_of", tuple(own))
        if (num := len(self.parts_of)) != len(self.categories):
            raise InputError(f"taxonomy: {num} parts_of for {len(self.categories)} categories")
        if wrong := {i for ids in self.parts_of for i in ids} - set(range(len(self.parts))):
            last = len(self.parts) - 1
            raise InputError(f"taxonomy: parts_of has {min(wrong)}, but parts run from 0 to {last}")

    def __repr__(self) -> str:
        parts = f", {len(self.parts)} parts" if self.parts else ""
        return f"Taxonomy({len(self.categories)} categories{parts})"

    def category_id(self, name: str) -> int:
        """Find the id of a category by its name in any case, or raise an InputError."""
        folded = [category.casefold() for category in self.categories]
        if name.casefold() not in folded:
            raise InputError(f"no category {name!r}{nearest(name, self.categories)}")
        return folded.index(name.casefold())

    def part_mask(self) -> Tensor:
        """Tell which parts each category has: (categories, parts) bool."""
        mask = torch.zeros(len(self.categories), len(self.parts), dtype=torch.bool)
        for category, ids in enumerate(self.parts_of):
            mask[category, list(ids)] = True
        return mask
