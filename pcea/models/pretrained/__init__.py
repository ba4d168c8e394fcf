"""Models that ship with the package, each under the name of the recipe that trained it.

README.md beside this file is their model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PRETRAINED: Mapping[str, str] = {
    "modelnet40-eat-small": "classification",
    "parts-eat-tiny": "segmentation",
}


def list_pretrained(task: str | None = None) -> list[str]:
    """Name the models that ship, the best of each task first.

    Args:
        task: ``classification`` or ``segmentation``. Default: both.
    """
    return [name for name, own in PRETRAINED.items() if task in (None, own)]


def pretrained_path(name: str) -> Path:
    """Find the weights file of a model that ships.

    Args:
        name: one of :func:`list_pretrained`.
    """
    return Path(__file__).with_name(f"{name}.safetensors")
