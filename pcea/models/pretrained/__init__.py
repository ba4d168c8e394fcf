"""Models that ship with the package: each weights file in this folder, under its own name.

README.md beside this file is their model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from safetensors import safe_open

from pcea.models.info import KEY, ModelInfo
from pcea.models.registry import task_of


@cache
def pretrained_infos() -> Mapping[str, ModelInfo]:
    """Describe the models that ship, by name, the best of each task first."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            found[path.stem] = ModelInfo.from_json(file.metadata()[KEY])
    return dict(sorted(found.items(), key=lambda each: -_best_figure(each[1])))


def _best_figure(info: ModelInfo) -> float:
    figures = info.training.get("validation", {})
    return max((value for name, value in figures.items() if name.startswith("val_")), default=0.0)


def list_pretrained(task: str | None = None) -> list[str]:
    """Name the models that ship, or those for one task, the best validation figures first."""
    infos = pretrained_infos()
    return [name for name in infos if task in (None, task_of(infos[name].name))]


def pretrained_path(name: str) -> Path:
    """Find the weights file of a model that ships, one of :func:`list_pretrained`."""
    return Path(__file__).with_name(f"{name}.safetensors")
