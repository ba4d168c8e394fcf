"""PCT's classifier as the field usually writes it: 1 × 1 convolutions over (B, C, N).

It computes the same function as the model ``pct`` and takes its weights, in a slower form: features
have channels first and are permuted for every gather, the features [x_j − x_i, x_i] of all
neighbors and the attention map are held in memory, and a Python loop finds the farthest points.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pcea.benchmarks.plain_geometry import usual_farthest_points
from pcea.models import Classifier


def square_distance(src: Tensor, dst: Tensor) -> Tensor:
    """|a − b|² = |a|² − 2 a·b + |b|², (B, M, 3) and (B, N, 3) → (B, M, N)."""
    distance = -2 * torch.matmul(src, dst.permute(0, 2, 1))
    distance += torch.sum(src**2, -1).unsqueeze(-1)
    distance += torch.sum(dst**2, -1).unsqueeze(1)
    return distance


def index_points(points: Tensor, index: Tensor) -> Tensor:
    """Gather the rows of (B, N, C) at indices (B, …): (B, …, C)."""
    batch = torch.arange(len(points), device=points.device)
    batch = batch.view(-1, *[1] * (index.dim() - 1)).expand_as(index)
    return points[batch, index, :]


class ConvBlock(nn.Module):
    """Conv1d of width 1, BatchNorm1d and ReLU over (B, C, N)."""

    def __init__(self, in_dim: int, out_dim: int, bias: bool = False, slope: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_dim, out_dim, 1, bias=bias)
        self.bn = nn.BatchNorm1d(out_dim)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, N) → (B, C_out, N)."""
        x = self.bn(self.conv(x))
        return F.leaky_relu(x, self.slope) if self.slope else F.relu(x)


class SampleAndGroup(nn.Module):
    """Farthest points, their neighbors, two convolutions and the maximum over the neighbors."""

    def __init__(
        self, in_dim: int, dim: int, num: int, k: int, sample: Callable[[Tensor, int], Tensor]
    ) -> None:
        super().__init__()
        self.num, self.k, self.sample = num, k, sample
        self.convs = nn.Sequential(ConvBlock(2 * in_dim, dim), ConvBlock(dim, dim))

    def forward(self, pos: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, 3), (B, C, N) → (B, num, 3), (B, C', num)."""
        x = x.permute(0, 2, 1)  # (B, N, C)
        index = self.sample(pos, self.num)
        center, center_x = index_points(pos, index), index_points(x, index)
        neighbors = square_distance(center, pos).topk(self.k, dim=-1, largest=False)[1]
        grouped = index_points(x, neighbors)  # (B, num, k, C)
        own = center_x.unsqueeze(2).repeat(1, 1, self.k, 1)
        grouped = torch.cat([grouped - own, own], dim=-1)  # (B, num, k, 2 C)
        batch = len(grouped)
        grouped = grouped.permute(0, 1, 3, 2).reshape(batch * self.num, -1, self.k)
        grouped = self.convs(grouped)  # (B · num, C', k)
        pooled = F.adaptive_max_pool1d(grouped, 1).view(batch, self.num, -1)
        return center, pooled.permute(0, 2, 1)


class OffsetLayer(nn.Module):
    """Offset attention by batched matrix products, with its map held in memory."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query = nn.Conv1d(dim, dim // 4, 1, bias=False)
        self.value = nn.Conv1d(dim, dim, 1)
        self.transform = ConvBlock(dim, dim, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N) → (B, C, N)."""
        query = self.query(x)
        energy = torch.bmm(query.permute(0, 2, 1), query)  # (B, N, N)
        attention = torch.softmax(energy, dim=-1)
        attention = attention / (1e-9 + attention.sum(dim=1, keepdim=True))
        return x + self.transform(x - torch.bmm(self.value(x), attention))


class Conv1dPCT(nn.Module):
    """The classifier ``pct`` over (B, C, N).

    Args:
        categories: how many there are.
        num: centers of the two groupings.
        k: neighbors of a center.
        sample: farthest point sampling, by default the usual loop.

    Source:
        Guo et al., *PCT*, figure 2.
    """

    def __init__(
        self,
        categories: int = 40,
        num: tuple[int, int] = (512, 256),
        k: int = 32,
        sample: Callable[[Tensor, int], Tensor] = usual_farthest_points,
    ) -> None:
        super().__init__()
        self.point = nn.Sequential(ConvBlock(3, 64), ConvBlock(64, 64))
        self.group1 = SampleAndGroup(64, 128, num[0], k, sample)
        self.group2 = SampleAndGroup(128, 256, num[1], k, sample)
        self.stem = nn.Sequential(ConvBlock(256, 256), ConvBlock(256, 256))
        self.layers = nn.ModuleList(OffsetLayer(256) for _ in range(4))
        self.fuse = ConvBlock(1280, 1024, slope=0.2)
        self.linear1 = nn.Linear(1024, 512, bias=False)
        self.bn1 = nn.BatchNorm1d(512)
        self.linear2 = nn.Linear(512, 256)
        self.bn2 = nn.BatchNorm1d(256)
        self.dropout = nn.Dropout(0.5)
        self.linear3 = nn.Linear(256, categories)

    def forward(self, pos: Tensor) -> Tensor:
        """Score every category for positions (B, N, 3): (B, categories) logits."""
        x = self.point(pos.permute(0, 2, 1))
        center, x = self.group1(pos, x)
        center, embedded = self.group2(center, x)
        x = self.stem(embedded)
        outputs = [embedded]
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        x = self.fuse(torch.cat(outputs, dim=1))  # (B, 1024, num)
        x = F.adaptive_max_pool1d(x, 1).squeeze(-1)
        x = self.dropout(F.leaky_relu(self.bn1(self.linear1(x)), 0.2))
        x = self.dropout(F.leaky_relu(self.bn2(self.linear2(x)), 0.2))
        return self.linear3(x)


@torch.no_grad()
def carry_weights(model: Classifier, into: Conv1dPCT) -> Conv1dPCT:
    """Copy the weights and statistics of ``create_model("pct")`` into this form, and return it."""
    for (_, theirs), (_, own) in pairs(model, into):
        own.copy_(theirs.view_as(own))
    return into


def pairs(
    model: Classifier, other: Conv1dPCT
) -> list[tuple[tuple[str, Tensor], tuple[str, Tensor]]]:
    """Pair the parameters and statistics of both forms, each with its name."""
    block = {"linear": "conv", "norm": "bn"}
    prefixes = [("encoder.embedding.point", "point"), ("encoder.stem", "stem")]
    renamed = [(f"{a}.{i}", f"{b}.{i}", block) for a, b in prefixes for i in range(2)]
    for i in range(2):
        stage, group = f"encoder.embedding.stages.{i}", f"group{i + 1}.convs"
        renamed += [
            (f"{stage}.first", f"{group}.0", block),
            (f"{stage}.inner.0", f"{group}.1", block),
        ]
    for i in range(4):
        layer = f"encoder.layers.{i}"
        names = {"attention.query": "query", "attention.value": "value"}
        renamed += [
            (layer, f"layers.{i}", names),
            (f"{layer}.transform", f"layers.{i}.transform", block),
        ]
    renamed += [("encoder.fuse", "fuse", block)]
    for i, place in enumerate((0, 2)):
        head = {"linear": f"linear{i + 1}", "norm": f"bn{i + 1}"}
        renamed += [(f"head.{place}", "", head)]
    renamed += [("head", "", {"4": "linear3"})]
    ours, others = model.state_dict(keep_vars=True), other.state_dict(keep_vars=True)
    found = []
    for prefix, new_prefix, names in renamed:
        for name, new in names.items():
            start, new_start = f"{prefix}.{name}.", f"{new_prefix}.{new}.".lstrip(".")
            for key in ours:
                if key.startswith(start):
                    there = new_start + key.removeprefix(start)
                    found.append(((key, ours[key]), (there, others[there])))
    assert len(found) == len(ours) == len(others)
    return found
