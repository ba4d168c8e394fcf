"""The controls against their definitions, in plain loops and float64."""

import torch

from pcea.attention import create_attention


def test_each_point_reads_the_mean_of_the_real_points() -> None:
    torch.manual_seed(0)
    attention = create_attention("mean", 6).double()
    x, mask = torch.randn(2, 5, 6, dtype=torch.float64), torch.ones(2, 5, dtype=torch.bool)
    mask[1, 3:] = False
    weight, bias = (each.detach() for each in attention.parameters())
    out, map_ = attention.attend(x, mask=mask)
    for cloud, count in ((0, 5), (1, 3)):
        mean = sum(x[cloud, i] for i in range(count)) / count
        for point in range(count):
            torch.testing.assert_close(out[cloud, point], weight @ mean + bias, rtol=0, atol=1e-12)
            assert map_[cloud, 0, point, :count].eq(1 / count).all()


def test_each_point_reads_itself() -> None:
    torch.manual_seed(0)
    attention = create_attention("identity", 6).double()
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    weight, bias = (each.detach() for each in attention.parameters())
    out, map_ = attention.attend(x)
    for cloud in range(2):
        for point in range(5):
            expected = weight @ x[cloud, point] + bias
            torch.testing.assert_close(out[cloud, point], expected, rtol=0, atol=1e-12)
        assert map_[cloud, 0].equal(torch.eye(5, dtype=torch.float64))
