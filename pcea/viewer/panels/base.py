"""The interface of a panel, and the registry of panels."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pcea.registry import Registry

if TYPE_CHECKING:
    from pcea.viewer.study import Study


# The color maps of columns that are not signed, and of those that are.
MAPS = ("viridis", "coolwarm")


@dataclass(frozen=True, eq=False, repr=False)
class Columns:
    """One or more columns of values at the sampled points of a shape.

    Args:
        title: such as ``layer 0`` or ``importance for chair``.
        values: (H, P, K) with H heads, P points and K columns.
        names: the name of each column.
        query: (Q, 3) the query points of the last Q columns, in the shape's own axes; None: no
            column belongs to a query point.
        signed: the names of columns whose color map has 0 in the middle.
    """

    title: str
    values: Tensor
    names: tuple[str, ...]
    query: Tensor | None = None
    signed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        heads, points, columns = self.values.shape
        return f"Columns({self.title}: {heads} heads, {points} points, {columns} columns)"

    @property
    def maps(self) -> tuple[str, ...]:
        """The color map of each column."""
        return tuple(MAPS[name in self.signed] for name in self.names)

    @property
    def with_mean(self) -> tuple[Tensor, ...]:
        """The values (P, K) of each head; if there are several, their mean comes first."""
        return (*([self.values.mean(0)] if len(self.values) > 1 else []), *self.values)


@dataclass(frozen=True, eq=False, repr=False)
class Parts:
    """A shape split into parts.

    Args:
        title: such as ``parts of Chair``.
        names: the names of the parts.
        colors: (parts, 3) uint8.
        probability: (P, parts) the probability of each part at the sampled points.
    """

    title: str
    names: tuple[str, ...]
    colors: Tensor
    probability: Tensor

    def __repr__(self) -> str:
        return f"Parts({self.title}: {', '.join(self.names)})"


class Panel(ABC):
    """What the colors of a shape can show.

    Attributes:
        choice: what the choices are, such as ``layer``.
        on_disk: how many of the choices a page on disk holds; None: all.
        rank: the place in the page's list; the page begins with the lowest rank.
    """

    choice: str = ""
    on_disk: int | None = None
    rank: int = 9

    @abstractmethod
    def choices(self, study: "Study") -> tuple[str, ...]:
        """Name the choices; none if the model has no such values."""

    @abstractmethod
    def values(self, study: "Study", choice: int) -> Columns | Parts:
        """Return the values of a choice, counted from 0."""


PANELS: Registry[type[Panel]] = Registry("panel", "pcea.panels")

register_panel = PANELS.register
"""Register a class of panels under the name that the page shows."""
