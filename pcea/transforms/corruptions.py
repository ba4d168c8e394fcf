"""Corruptions: named lists of transforms at five severities, such as those of ModelNet-C."""

import math
from collections.abc import Callable
from typing import Any

from pcea.errors import checked
from pcea.registry import Registry
from pcea.transforms.affine import Rotate, Scale, UnitSphere
from pcea.transforms.base import Transform
from pcea.transforms.noise import Jitter, StrayPoints
from pcea.transforms.reading import as_transforms
from pcea.transforms.sampling import DropPatch, Resample

SEVERITIES = (1, 2, 3, 4, 5)

# A function of the severity that returns transforms, in any form that as_transforms takes.
Corruption = Callable[[int], Any]

CORRUPTIONS: Registry[Corruption] = Registry("corruption", "pcea.corruptions")


def register_corruption(name: str) -> Callable[[Corruption], Corruption]:
    """Register a function of the severity, 1 to 5, that returns a list of transforms.

    The transforms are applied to clouds in the unit sphere, y up.

    Args:
        name: the published name in lower case.
    """
    return CORRUPTIONS.register(name)


def list_corruptions() -> list[str]:
    """Name every corruption, sorted."""
    return CORRUPTIONS.names()


@checked(severity=(min(SEVERITIES), max(SEVERITIES)))
def corruption_transforms(name: str, severity: int) -> tuple[Transform, ...]:
    """Give the transforms of a corruption of :func:`list_corruptions` at a severity, 1 to 5."""
    return as_transforms(CORRUPTIONS.get(name)(severity))


# Ren et al., *Benchmarking and Analyzing Point Cloud Classification under Corruptions*, ICML 2022,
# with the values of the authors' code.
MODELNET_C: dict[str, Corruption] = {
    "scale": lambda s: [Scale(1 / (1.5 + 0.1 * s), 1.5 + 0.1 * s), UnitSphere()],
    "jitter": lambda s: [Jitter(0.01 * s, clip=math.inf)],
    "rotate": lambda s: [Rotate(6.0 * s, axis="each")],
    "dropout_global": lambda s: [Resample(1 - 0.125 * (s + 1))],
    "dropout_local": lambda s: [DropPatch(100 * s, patches=(1, 7))],
    "add_global": lambda s: [StrayPoints(10 * s)],
    "add_local": lambda s: [StrayPoints(100 * s, clusters=(1, 7), std=(0.075, 0.125))],
}
for _name, _corruption in MODELNET_C.items():
    register_corruption(_name)(_corruption)
