"""LBR: the Linear, BatchNorm, ReLU block that the point transformer is built from."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LBR(nn.Module):
    """Linear, BatchNorm and ReLU over the last axis, padding left out of the statistics.

    BatchNorm makes the bias redundant; ``slope`` is that of the ReLU below 0. Source: Guo et al.,
    *PCT*, section 3.1.
    """

    def __init__(self, in_dim: int, out_dim: int, bias: bool = False, slope: float = 0.0) -> None:
        super().__init__()
        self.linear = nn.Linear(in_dim, out_dim, bias=bias)
        self.norm = nn.BatchNorm1d(out_dim)
        self.slope = slope

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply the block to (…, C_in) features: (…, C_out), 0 where the mask (…) is false."""
        if self.norm.training:
            return self.activate(self.linear(x), mask)
        # At rest BatchNorm is linear, too: it goes into the weights, which are fewer.
        scale, shift = self.affine()
        if self.linear.bias is not None:
            shift = torch.addcmul(shift, self.linear.bias, scale)
        return self._rectify(F.linear(x, self.linear.weight * scale.unsqueeze(1), shift), mask)

    def activate(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply BatchNorm and ReLU alone, to (…, C_out) features made elsewhere."""
        if mask is None or not self.norm.training:
            # Rectified before it becomes a view, of which autograd would copy the gradient.
            flat = mask if mask is None else mask.flatten()
            return self._rectify(self.norm(x.flatten(0, -2)), flat).view_as(x)
        real = self.norm(x[mask])
        out = torch.zeros_like(x, dtype=real.dtype)
        out[mask] = F.leaky_relu(real, self.slope)
        return out

    def affine(
        self, moments: tuple[Tensor, Tensor] | None = None, count: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Give BatchNorm as scale · x + shift, (C,) each, for features never held as one tensor.

        In training ``moments`` must be the mean and the biased variance, (C,) each, of ``count``
        features, which the running statistics take in.
        """
        norm = self.norm
        mean, variance, batches = norm.running_mean, norm.running_var, norm.num_batches_tracked
        assert mean is not None and variance is not None and batches is not None
        if norm.training:
            assert moments is not None
            with torch.no_grad():
                batches.add_(1)
                # Without a momentum, BatchNorm keeps the mean over all batches.
                share = 1 / batches if norm.momentum is None else torch.tensor(norm.momentum)
                mean.lerp_(moments[0], share.to(mean))
                variance.lerp_(moments[1] * (count / max(1, count - 1)), share.to(mean))
            mean, variance = moments
        scale = norm.weight * (variance + norm.eps).rsqrt()
        return scale, norm.bias - mean * scale

    def _rectify(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """ReLU, in place; padding becomes 0."""
        x = F.leaky_relu(x, self.slope, inplace=True) if self.slope else F.relu(x, inplace=True)
        return x if mask is None else x * mask.unsqueeze(-1)
