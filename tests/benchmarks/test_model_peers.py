"""Other packages' networks run, on a search that finds what theirs would."""

import sys

import pytest
import torch

from pcea.benchmarks.geometry import surface_points
from pcea.benchmarks.measure import NotInstalled
from pcea.benchmarks.model_peers import geometric_pointnet2, peers, torch_pointcloud
from pcea.benchmarks.search import _fps, _knn, _radius, has_search, standing_in

PTR = torch.tensor([0, 60, 120])


@pytest.mark.parametrize("name", list(peers()))
@pytest.mark.filterwarnings("ignore")
def test_networks_learn(name: str) -> None:
    pytest.importorskip("torch_geometric")
    if "pointcloud" in name:
        pytest.importorskip("torch_pointcloud")
    network = peers()[name]()
    logits = network(surface_points(2, 256))
    assert logits.shape == (2, 40)
    logits.sum().backward()
    assert all(each.grad is not None for each in network.parameters() if each.requires_grad)


def test_the_absent_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_pointcloud.models", None)
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
    with pytest.raises(NotInstalled, match="pip install fpsample torch-pointcloud"):
        torch_pointcloud("anything")
    with pytest.raises(NotInstalled, match="torch-geometric"):
        geometric_pointnet2()


def test_the_stand_in_leaves_no_trace() -> None:
    typing = pytest.importorskip("torch_geometric.typing")
    if has_search():
        pytest.skip("torch-geometric has its own search here")
    before = typing.WITH_FPS
    with standing_in():
        assert typing.WITH_FPS and torch.ops.pyg.fps is _fps
    assert typing.WITH_FPS is before and "fps" not in vars(torch.ops.pyg)


@pytest.mark.parametrize("channels", [3, 5])
def test_neighbors_stay_in_their_cloud(channels: int, generator: torch.Generator) -> None:
    x = torch.randn(120, channels, generator=generator)
    y = x[[3, 7, 61, 62]]
    pairs = _knn(x, y, PTR, torch.tensor([0, 2, 4]), 4, False, 1)
    for query, near in ((0, slice(0, 60)), (3, slice(60, 120))):
        found = pairs[1, pairs[0] == query]
        distance = (x[near] - y[query]).norm(dim=1)
        assert found.tolist() == (distance.argsort()[:4] + near.start).tolist()


def test_a_ball_holds_the_first_points_within_it(generator: torch.Generator) -> None:
    x = torch.rand(120, 3, generator=generator)
    y = x[[3, 7, 61, 62]]
    pairs = _radius(x, y, PTR, torch.tensor([0, 2, 4]), 0.4, 3, 1, False)
    for query in range(4):
        start = 60 * (query // 2)
        inside = ((x[start : start + 60] - y[query]).norm(dim=1) <= 0.4).nonzero()[:3, 0]
        assert pairs[1, pairs[0] == query].tolist() == (inside + start).tolist()


def test_farthest_points_of_each_cloud() -> None:
    pos = surface_points(2, 60)
    index = _fps(pos.view(-1, 3), PTR, 0.24, False)
    assert len(index) == 2 * 15 and index[0] == 0 and index[15] == 60
    assert index[:15].max() < 60 <= index[15:].min()
