"""Dropout whose random numbers are drawn quickly on a CPU, too."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Torch draws a number for each value, one after the other, and takes four times as long. Here each
# value gets 16 of a number's 64 bits, so that the probability is a multiple of 2^-16.
_STEPS = 1 << 16


class Dropout(nn.Dropout):
    """Zero each value with probability ``p`` in training, and divide the others by 1 − p.

    On a CPU, p is rounded to 1/65,536. Source: Srivastava et al., *Dropout*.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to a tensor of any shape."""
        zeroed = round(self.p * _STEPS)
        compiling = torch.compiler.is_compiling()  # compiled code draws in parallel
        if not self.training or x.device.type != "cpu" or compiling or zeroed in (0, _STEPS):
            return F.dropout(x, self.p, self.training)
        words = x.new_empty(x.numel() // 4 + 1, dtype=torch.long).random_(-(1 << 63), None)
        drawn = words.view(torch.int16)[: x.numel()].view(x.shape)
        kept = (drawn >= zeroed - _STEPS // 2).to(x.dtype)
        return x * kept.mul_(_STEPS / (_STEPS - zeroed))
