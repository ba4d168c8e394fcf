"""LBR against torch's own layers, and its padding."""

import pytest
import torch
from torch import nn

from pcea.models.lbr import LBR


@pytest.mark.parametrize(("bias", "slope"), [(False, 0.0), (True, 0.2)])
def test_is_convolution_norm_relu(generator: torch.Generator, bias: bool, slope: float) -> None:
    block = LBR(5, 7, bias=bias, slope=slope)
    convolution, norm = nn.Conv1d(5, 7, 1, bias=bias), nn.BatchNorm1d(7)
    convolution.weight.data = block.linear.weight.data[:, :, None]
    if bias:
        convolution.bias.data = block.linear.bias.data
    x = torch.randn(3, 11, 5, generator=generator)
    for train in (True, False):
        expected = norm.train(train)(convolution(x.transpose(1, 2))).transpose(1, 2)
        expected = nn.functional.leaky_relu(expected, slope)
        torch.testing.assert_close(block.train(train)(x), expected)


def test_padding_is_left_out_of_the_statistics(generator: torch.Generator) -> None:
    x = torch.randn(2, 9, 4, generator=generator, requires_grad=True)
    mask = torch.arange(9).expand(2, -1) < 6
    torch.manual_seed(0)
    block = LBR(4, 4)
    out = block(x.masked_fill(~mask.unsqueeze(-1), 99.0), mask)
    torch.manual_seed(0)
    unpadded = LBR(4, 4)
    torch.testing.assert_close(out[:, :6], unpadded(x[:, :6]))
    assert out[:, 6:].abs().max() == 0
    torch.testing.assert_close(block.norm.running_var, unpadded.norm.running_var)
    out.sum().backward()
    assert x.grad is not None
    assert x.grad[:, 6:].abs().max() == 0
