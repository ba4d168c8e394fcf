"""Whether this processor multiplies matrices faster in bf16 than in float32, as with AMX."""

import time
from functools import cache

import torch

# A tile of this many rows and channels is multiplied, as in the tiles of edges. It takes a
# millisecond in float32, so that a short interruption does not decide.
ROWS, CHANNELS, ROUNDS = 4096, 128, 7
# Nothing that interrupts a product makes it this many times as slow.
HOPELESS = 10
# Below this ratio, what bf16 saves is lost in converting.
LEAST_RATIO = 1.5


@cache
def bf16_is_faster() -> bool:
    """Measure it once in a process, which takes some hundredths of a second.

    No name of a processor counts. Those without matrix units multiply bf16 at half the rate of
    float32, or a hundredth.
    """
    a, b = torch.ones(ROWS, CHANNELS), torch.ones(CHANNELS, CHANNELS)
    best = {}
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        for dtype in (torch.float32, torch.bfloat16):
            one, other = a.to(dtype), b.to(dtype)
            one @ other  # the first product sets up its kernel
            best[dtype] = _seconds(one, other)
            if best[dtype] > HOPELESS * best[torch.float32]:
                return False
            best[dtype] = min(best[dtype], *(_seconds(one, other) for _ in range(ROUNDS)))
    return best[torch.float32] > LEAST_RATIO * best[torch.bfloat16]


def _seconds(one: torch.Tensor, other: torch.Tensor) -> float:
    began = time.perf_counter()
    one @ other
    return time.perf_counter() - began
