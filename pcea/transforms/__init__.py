"""Transforms of clouds, by name and with values: for training, voting and corrupted evaluation.

Every module of this folder is imported here, so a file that registers a transform or a corruption
joins by lying beside the others.
"""

import importlib
import pkgutil

from pcea.transforms.base import (
    Transform,
    changed,
    list_transforms,
    number,
    register_transform,
)
from pcea.transforms.corruptions import (
    corruption_transforms,
    list_corruptions,
    register_corruption,
)
from pcea.transforms.reading import as_transforms

__all__ = [
    "Transform",
    "as_transforms",
    "changed",
    "corruption_transforms",
    "list_corruptions",
    "list_transforms",
    "number",
    "register_corruption",
    "register_transform",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
