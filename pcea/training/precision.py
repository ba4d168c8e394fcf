"""Which arithmetic a recipe's forward pass runs in on a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from pcea.recipes import Recipe


def in_bf16(recipe: Recipe, device: torch.device) -> bool:
    """Whether the forward pass runs under bf16 autocast.

    ``auto`` means bf16 where the device multiplies it faster: a newer CUDA device, a CPU with AMX.
    """
    if recipe.precision == "auto":
        if device.type == "cpu":
            # An older torch does not tell.
            told: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict[str, Any])()
            return bool(told.get("amx_bf16", False))
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return recipe.precision == "bf16"


def autocast(recipe: Recipe, device: torch.device) -> torch.autocast:
    """The recipe's arithmetic, as a context."""
    return torch.autocast(device.type, torch.bfloat16, enabled=in_bf16(recipe, device))
