"""The operators of a step, added up by kind."""

from types import SimpleNamespace

import pytest
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from pcea.benchmarks.operators import OTHERS, kind_of, kinds_of, table


def event(key: str, micros: float, flops: int = 0, on: DeviceType = DeviceType.CPU) -> object:
    return SimpleNamespace(
        key=key,
        self_cpu_time_total=micros,
        self_device_time_total=micros / 10,
        flops=flops,
        device_type=on,
    )


def test_kinds_are_added_up_per_step() -> None:
    events = [
        event("aten::mm", 3000, flops=12_000_000),
        event("aten::addmm", 1000, flops=4_000_000),
        event("pcea::knn", 6000),
        event("autograd::engine", 200),
        event("sgemm_kernel", 9e9, on=DeviceType.CUDA),
    ]
    search, products, others = kinds_of(events, steps=2, on_gpu=False)
    assert search.name == "neighbors and farthest points"
    assert search.seconds == pytest.approx(3e-3)
    assert products.name == "matrix products" and products.names == 2
    assert products.seconds == pytest.approx(2e-3) and products.operations == 8_000_000
    assert products.rate == pytest.approx(4e9)
    assert others.name == OTHERS and others.bound == "calls"
    assert kinds_of(events, steps=2, on_gpu=True)[0].seconds == pytest.approx(3e-4)
    header, rows = table([search, products, others])
    assert header == ("operators", "ms", "share", "GFLOP/s", "bound")
    assert [row[2] for row in rows] == ["58.8 %", "39.2 %", "2.0 %"]
    assert rows[1][3] == "4.00" and rows[2][0] == f"{OTHERS}: 1 operators"


def test_operations_are_those_of_a_product_by_hand() -> None:
    a, b = torch.rand(64, 32), torch.rand(32, 16)
    with profile(activities=[ProfilerActivity.CPU], acc_events=True, with_flops=True) as profiler:
        for _ in range(3):
            a @ b
    found = kinds_of(profiler.key_averages(), steps=3, on_gpu=False)
    products = next(kind for kind in found if kind.name == "matrix products")
    assert products.operations == 2 * 64 * 32 * 16


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("GeneratedBackwardFor_pcea_edge_max_default", "edges and their gradients"),
        ("pcea::edge_linear_max_backward", "matrix products"),
        ("aten::native_batch_norm_backward", "BatchNorm"),
        ("aten::threshold_backward", "activations"),
        ("aten::_fused_adamw_", "optimizer"),
        ("aten::max_pool", OTHERS),
    ],
)
def test_kinds_by_name(operator: str, kind: str) -> None:
    assert kind_of(operator) == kind
