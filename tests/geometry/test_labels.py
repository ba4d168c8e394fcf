import pytest
import torch
from torch import Tensor

from pcea.errors import InputError
from pcea.geometry import carry_to_faces, smooth_labels


def strip(num: int) -> tuple[Tensor, Tensor]:
    """A strip of squares with sides of 1, each cut into two triangles."""
    x = torch.arange(num + 1.0)
    vertices = torch.cat([torch.stack([x, 0 * x + side, 0 * x], 1) for side in (0, 1)])
    a = torch.arange(num)
    lower = torch.stack([a, a + 1, a + num + 1], 1)
    upper = torch.stack([a + 1, a + num + 2, a + num + 1], 1)
    return vertices, torch.stack([lower, upper], 1).view(-1, 3)  # along the strip


def test_faces_without_points_are_their_corners_mean() -> None:
    faces = torch.tensor([[0, 1, 2], [1, 2, 3]])
    at_vertices = torch.tensor([[0.0], [3.0], [6.0], [9.0]])
    found = carry_to_faces(faces, at_vertices, torch.zeros(0).long(), torch.zeros(0, 1))
    torch.testing.assert_close(found, torch.tensor([[3.0], [6.0]]))


def test_points_on_a_face_join_its_corners() -> None:
    faces = torch.tensor([[0, 1, 2], [1, 2, 3]])
    at_vertices = torch.tensor([[0.0], [3.0], [6.0], [9.0]])
    face = torch.tensor([1, 1, 1, 1])
    found = carry_to_faces(faces, at_vertices, face, torch.tensor([[0.0], [0.0], [1.0], [1.0]]))
    torch.testing.assert_close(found, torch.tensor([[3.0], [(4 * 6 + 2) / 8]]))


def test_a_lone_face_joins_its_neighbors() -> None:
    vertices, faces = strip(5)
    label = torch.full((10,), 4)
    label[5] = 7
    assert smooth_labels(vertices, faces, label).tolist() == [4] * 10
    assert smooth_labels(vertices, faces, label, rounds=0).tolist() == label.tolist()


def test_a_straight_border_stays() -> None:
    vertices, faces = strip(6)
    label = (torch.arange(12) >= 6).long()
    assert torch.equal(smooth_labels(vertices, faces, label, rounds=5), label)


def test_unwelded_faces_are_neighbors_too() -> None:
    vertices, faces = strip(5)
    label = torch.full((10,), 1)
    label[4] = 0
    soup = torch.arange(30).view(-1, 3)
    assert smooth_labels(vertices[faces].view(-1, 3), soup, label).tolist() == [1] * 10


def test_faces_that_only_touch_or_lie_close_are_no_neighbors() -> None:
    one = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    vertices = torch.cat([one, one + torch.tensor([0, 0, 1e-3]), one + torch.tensor([1.0, 0, 0])])
    faces = torch.arange(9).view(-1, 3)
    label = torch.tensor([0, 1, 1])
    assert smooth_labels(vertices, faces, label, rounds=3).tolist() == [0, 1, 1]


def test_long_edges_count_for_more() -> None:
    # A face between two of another label across short edges, and one of its own across a long one.
    vertices = torch.tensor([[0.0, 0, 0], [4, 0, 0], [2, 0.1, 0], [2, -2, 0], [0, 1, 0], [4, 1, 0]])
    faces = torch.tensor([[0, 1, 2], [0, 3, 1], [0, 2, 4], [2, 1, 5]])
    assert smooth_labels(vertices, faces, torch.tensor([0, 0, 1, 1])).tolist()[0] == 0
    assert smooth_labels(vertices, faces, torch.tensor([0, 1, 0, 1])).tolist()[0] == 1


def test_bad_faces_do_no_harm() -> None:
    vertices, faces = strip(4)
    faces = torch.cat([faces, faces[:2], torch.tensor([[0, 0, 0], [0, 0, 1], [1, 6, 3]])])
    label = torch.zeros(len(faces), dtype=torch.long)
    label[3] = 1
    assert smooth_labels(vertices, faces, label, rounds=2).tolist() == [0] * len(faces)
    assert smooth_labels(vertices, faces[:0], label[:0]).tolist() == []
    with pytest.raises(InputError, match="label must have shape"):
        smooth_labels(vertices, faces, label[:3])
