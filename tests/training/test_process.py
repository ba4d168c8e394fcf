"""What training sets for its process: that pages stay, that all is put back, and where."""

from __future__ import annotations

import ctypes
import platform
import resource
import sys
from dataclasses import replace

import pytest
import torch

from pcea.recipes import RECIPES
from pcea.training.process import kept_memory, process_settings

RECIPE = RECIPES["modelnet40-eat-tiny"]
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")


def faults(size: int = 48 << 20) -> int:
    """Pages that the system hands out anew while large tensors come and go."""
    for _ in range(4):  # until the places have been found
        torch.ones(size, dtype=torch.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(size, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@glibc
def test_freed_memory_stays_while_training_lasts() -> None:
    assert faults() > 10_000
    with process_settings(RECIPE, torch.device("cpu")):
        assert faults() < 1_000
    assert faults() > 10_000


@glibc
def test_memory_goes_back_at_the_end() -> None:
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    before = resident()
    with kept_memory() as kept:
        assert kept
        torch.ones(256 << 20, dtype=torch.uint8)
        assert resident() > before + (200 << 20)
    assert resident() < before + (100 << 20)


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with kept_memory() as kept:
        assert not kept
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # such as musl
    with kept_memory() as kept:
        assert not kept


@pytest.mark.parametrize(
    ("device", "precision", "within"),
    [("cuda", "bf16", "high"), ("cuda", "float32", "highest"), ("cpu", "bf16", "highest")],
)
def test_only_bf16_on_cuda_multiplies_as_tf32(device: str, precision: str, within: str) -> None:
    before = torch.get_float32_matmul_precision()
    assert before == "highest"
    with process_settings(replace(RECIPE, precision=precision), torch.device(device)):
        assert torch.get_float32_matmul_precision() == within
    assert torch.get_float32_matmul_precision() == before
