"""Both Triton kernels without a GPU: run in the interpreter, and compiled for an H100."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")


@pytest.mark.skipif(torch.cuda.is_available(), reason="the kernels' tests run by themselves")
def test_the_kernels_hold_in_the_interpreter() -> None:
    here = Path(__file__).parent
    files = [str(here / name) for name in ("test_farthest_gpu.py", "test_neighbors_gpu.py")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout


@pytest.mark.parametrize(
    ("module", "name", "types", "sizes"),
    [
        (
            "farthest_gpu",
            "_choose",
            ["*fp32", "*i64", "*u8", "*i64", "i32", "i32"],
            {"padded": True, "size": 1024},
        ),
        (
            "neighbors_gpu",
            "_search",
            ["*fp32", "*fp32", "*u8", "*i64", "i32", "i32", "i32"],
            {"padded": True, "queries": 4, "points": 16, "best": 4},
        ),
    ],
)
def test_they_compile_to_code_that_rounds_as_torch_does(
    module: str, name: str, types: list[str], sizes: dict[str, int]
) -> None:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    function = getattr(import_module(f"pcea.geometry.kernels.{module}"), name)
    types = types + ["constexpr"] * len(sizes)
    source = ASTSource(function, dict(zip(function.arg_names, types, strict=True)), sizes)
    made = triton.compile(source, GPUTarget("cuda", 90, 32), {"enable_fp_fusion": False})
    code = made.asm["ptx"]
    assert "mul.f32" in code or "mul.rn.f32" in code
    assert "fma" not in code
