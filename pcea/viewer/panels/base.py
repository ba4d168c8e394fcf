"""What every panel gives, and the registry of them."""

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
    """Values at the sampled points of a shape, one or more columns of them.

    Args:
        title: what they are: ``layer 0``, ``importance for chair``.
        values: (H, P, K) with H heads, P points and K columns.
        names: what each column is.
        query: (Q, 3) the query points of the last Q columns, in the shape's own axes; None: they
            have none.
        signed: the columns in which 0 lies in the middle.
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
        """The values (P, K) of each head; of more than one, their mean comes first."""
        return (*([self.values.mean(0)] if len(self.values) > 1 else []), *self.values)


@dataclass(frozen=True, eq=False, repr=False)
class Parts:
    """A shape split into parts.

    Args:
        title: such as ``parts of Chair``.
        names: of the parts.
        colors: (parts, 3) uint8.
        probability: (P, parts) at the sampled points.
    """

    title: str
    names: tuple[str, ...]
    colors: Tensor
    probability: Tensor

    def __repr__(self) -> str:
        return f"Parts({self.title}: {', '.join(self.names)})"


class Panel(ABC):
    """What the colors of a shape can mean.

    Attributes:
        choice: what one chooses among, such as ``layer``.
        on_disk: how many of the choices a page on disk holds; None: all.
        rank: where it stands in the page's list; the page begins with the first.
    """

    choice: str = ""
    on_disk: int | None = None
    rank: int = 9

    @abstractmethod
    def choices(self, study: "Study") -> tuple[str, ...]:
        """Name what one can choose; nothing where the model has no such values."""

    @abstractmethod
    def values(self, study: "Study", choice: int) -> Columns | Parts:
        """Give the values of a choice, counted from 0."""


PANELS: Registry[type[Panel]] = Registry("panel", "pcea.panels")

register_panel = PANELS.register
"""Make a panel known by the name that the page lists it under."""
