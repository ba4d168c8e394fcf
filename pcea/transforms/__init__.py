"""Transforms of clouds, by name and with values: for training, voting and corrupted evaluation.

Every module of this folder is imported here, so that it can register transforms and corruptions.
"""

from pcea.registry import import_modules
from pcea.transforms.base import (
    Transform,
    changed,
    list_transforms,
    number,
    register_transform,
)
from pcea.transforms.corruptions import (
    corrupt,
    corruption_sets,
    corruption_transforms,
    list_corruptions,
    register_corruption,
)
from pcea.transforms.reading import as_transforms

__all__ = [
    "Transform",
    "as_transforms",
    "changed",
    "corrupt",
    "corruption_sets",
    "corruption_transforms",
    "list_corruptions",
    "list_transforms",
    "number",
    "register_corruption",
    "register_transform",
]

import_modules(__name__, __path__)
