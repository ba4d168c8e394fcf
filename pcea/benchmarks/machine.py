"""The machine that figures are measured on."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pcea.errors import InputError
from pcea.version import __version__

# Instruction sets for matrix products.
_TELLING = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "asimd", "bf16", "sve")


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Describe the machine and what runs on it, as plain values for a JSON file.

    Args:
        device: the CPU or GPU that is measured.

    Returns:
        ``date``, ``cpu``, ``cores``, ``instructions``, ``threads``, ``load`` (running processes,
        the mean of the last minute, before the benchmark adds its own), ``system``, ``python``,
        ``torch``, ``pcea``, ``device``, and of a GPU ``gpu``, ``driver``, ``cuda`` and
        ``float32_products``.
    """
    info = _cpu_info()
    flags = set(info.get("flags", info.get("Features", "")).split())
    described = {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "instructions": [flag for flag in _TELLING if flag in flags],
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pcea": __version__,
        "device": device.type,
    }
    if device.type == "cuda":
        described |= {
            "gpu": torch.cuda.get_device_name(device),
            "driver": _driver(),
            "cuda": torch.version.cuda,
            "float32_products": torch.get_float32_matmul_precision(),
        }
    return described


def say_machine(described: dict[str, Any]) -> str:
    """Write the description in one line."""
    cores = f"{described['cores']} cores, {described['threads']} threads"
    parts = [f"{described['cpu']} ({cores}; {' '.join(described['instructions'])})"]
    if "gpu" in described:
        parts.append(f"{described['gpu']} (driver {described['driver']})")
    parts.append(f"torch {described['torch']}")
    if described["load"] is not None:
        parts.append(f"load {described['load']:g} at the start")
    return ", ".join([*parts, described["date"]])


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute on so many threads inside the context; None: as many as before."""
    if count is not None and count < 1:
        raise InputError(f"--threads is {count}; it must be at least 1")
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def available_bytes(device: torch.device) -> int | None:
    """Say how much memory is free on a device; None if the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _cpu_info() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _driver() -> str:
    words = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.stdout.partition("\n")[0].strip() or "unknown"
