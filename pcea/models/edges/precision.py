"""Whether this processor multiplies matrices faster in bf16 than in float32, as with AMX."""

import time
from functools import cache

import torch

# A tile of this many rows and channels is multiplied, by one thread as in the tiles of edges.
ROWS, CHANNELS, ROUNDS = 512, 128, 5
# Below this ratio, what bf16 saves is lost in converting.
LEAST_RATIO = 1.5


@cache
def bf16_is_faster() -> bool:
    """Measure it once in a process, which takes some milliseconds; no name of a processor counts.

    Processors without matrix units multiply bf16 at half the rate of float32, or a hundredth.
    """
    a, b = torch.ones(ROWS, CHANNELS), torch.ones(CHANNELS, CHANNELS)
    best = {}
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        for dtype in (torch.float32, torch.bfloat16):
            one, other = a.to(dtype), b.to(dtype)
            one @ other  # the first product sets up its kernel
            best[dtype] = min(_seconds(one, other) for _ in range(ROUNDS))
    return best[torch.float32] > LEAST_RATIO * best[torch.bfloat16]


def _seconds(one: torch.Tensor, other: torch.Tensor) -> float:
    began = time.perf_counter()
    one @ other
    return time.perf_counter() - began
