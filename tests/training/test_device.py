"""The arithmetic of a recipe, on devices that need not be there, and what the process is set to."""

import ctypes
import json
import platform
import subprocess
import sys
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch

from pcea.recipes import RECIPES
from pcea.training import device
from pcea.training.device import autocast, in_bf16, kept_memory, process_settings

RECIPE = RECIPES["modelnet40-eat-tiny"]


@pytest.mark.parametrize("faster", [True, False])
def test_auto_takes_what_the_device_multiplies_faster(
    monkeypatch: pytest.MonkeyPatch, faster: bool
) -> None:
    recipe = replace(RECIPE, precision="auto")
    monkeypatch.setattr(device, "bf16_is_faster", lambda: faster)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: faster)
    assert in_bf16(recipe, torch.device("cpu")) == faster
    assert in_bf16(recipe, torch.device("cuda")) == faster


@pytest.mark.parametrize(("precision", "half"), [("float32", False), ("bf16", True)])
def test_what_is_said_is_done(precision: Literal["float32", "bf16"], half: bool) -> None:
    with autocast(replace(RECIPE, precision=precision), torch.device("cpu")):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert (product.dtype == torch.bfloat16) == half


# In a process of its own: what others left in the heap would serve a tensor without a fault.
MEASURE = """
import json, resource, torch
from pcea.recipes import RECIPES
from pcea.training.device import process_settings

def faults(size=48 << 20):
    for _ in range(20):  # until the heap has found places for them
        torch.ones(size, dtype=torch.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(size, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20

before, at_first = faults(), resident()
with process_settings(RECIPES["modelnet40-eat-tiny"], torch.device("cpu")):
    within, kept = faults(), resident()
print(json.dumps([before, within, kept - at_first, resident() - at_first]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_memory_stays_while_training_lasts_and_then_goes_back() -> None:
    words = [sys.executable, "-c", MEASURE]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    before, within, kept, left = json.loads(said)
    assert within < before / 10
    assert kept > 40
    assert left < 10


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def library(name: None) -> Any:
        assert sys.platform == "linux"
        return object()  # such as musl, which has no mallopt

    monkeypatch.setattr(ctypes, "CDLL", library)
    for system in ("win32", "linux"):
        monkeypatch.setattr(sys, "platform", system)
        with kept_memory():
            pass


@pytest.mark.parametrize("before", [False, True])
def test_denormals_are_zero_only_while_training(before: bool) -> None:
    assert torch.set_flush_denormal(before)  # this processor can
    try:
        with process_settings(RECIPE, torch.device("cpu")):
            assert (torch.tensor(1e-39) * 1).item() == 0
        assert ((torch.tensor(1e-39) * 1).item() == 0) == before
    finally:
        torch.set_flush_denormal(False)


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
