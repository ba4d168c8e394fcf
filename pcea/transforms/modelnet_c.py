"""The seven corruptions of ModelNet-C.

Source: Ren et al., *Benchmarking and Analyzing Point Cloud Classification under Corruptions*, ICML
2022, with the values of the authors' code, which are those for 1,024 points.
"""

import math
from functools import partial

from torch import Generator

from pcea.datasets.clouds import Batch
from pcea.transforms.affine import Rotate, Scale, UnitSphere
from pcea.transforms.corruptions import AtSeverity, register_corruption
from pcea.transforms.noise import Jitter, StrayPoints
from pcea.transforms.sampling import DropPatch, Resample


def _dropout_local(points: int, batch: Batch, generator: Generator) -> Batch:
    """Leave out patches, but of small clouds at most three quarters, so that a shape is left."""
    points = min(points, 3 * batch.pos.shape[1] // 4)
    return DropPatch(points, patches=(1, 7)).apply(batch, generator)


MODELNET_C: dict[str, AtSeverity] = {
    "scale": lambda s: [Scale(1 / (1.5 + 0.1 * s), 1.5 + 0.1 * s), UnitSphere()],
    "jitter": lambda s: [Jitter(0.01 * s, clip=math.inf)],
    "rotate": lambda s: [Rotate(6.0 * s, axis="each")],
    "dropout_global": lambda s: [Resample(1 - 0.125 * (s + 1))],
    "dropout_local": lambda s: [partial(_dropout_local, 100 * s)],
    "add_global": lambda s: [StrayPoints(10 * s)],
    "add_local": lambda s: [StrayPoints(100 * s, clusters=(1, 7), std=(0.075, 0.125))],
}
for _name, _corruption in MODELNET_C.items():
    register_corruption(_name, benchmark="modelnet-c", together=True)(_corruption)
