"""The machine, described."""

import json

import pytest
import torch

from pcea.benchmarks.machine import available_bytes, describe_machine, say_machine, threads
from pcea.errors import InputError

CPU = torch.device("cpu")


def test_everything_is_a_plain_value() -> None:
    described = json.loads(json.dumps(describe_machine(CPU)))
    assert described["torch"] == torch.__version__
    assert described["threads"] == torch.get_num_threads()
    assert described["device"] == "cpu"
    assert described["cpu"]


def test_one_line_names_the_gpu_where_there_is_one() -> None:
    described = describe_machine(CPU)
    assert "\n" not in say_machine(described)
    assert f"torch {torch.__version__}" in say_machine(described)
    line = say_machine({**described, "gpu": "Big One", "driver": "1.2", "load": None})
    assert "Big One (driver 1.2)" in line and "load" not in line


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(InputError, match="--threads is 0"), threads(0):
        pass


def test_free_memory_is_less_than_a_pebibyte() -> None:
    room = available_bytes(CPU)
    assert room is None or 0 < room < 1 << 50
