"""Shapes whose pictures are known."""

import pytest
import torch

from pcea.formats import Mesh


@pytest.fixture
def ball() -> Mesh:
    """A sphere of radius 3 around (5, −1, 2): 24 by 48 patches, their corners shared."""
    tilt, turn = torch.linspace(0, torch.pi, 25), torch.arange(48) * (2 * torch.pi / 48)
    tilt, turn = torch.meshgrid(tilt, turn, indexing="ij")
    wide = tilt.sin().clamp(min=0)  # at the pole, rounding leaves it just below
    pos = torch.stack((wide * turn.sin(), tilt.cos(), wide * turn.cos()), dim=-1)
    row, column = torch.meshgrid(torch.arange(24), torch.arange(48), indexing="ij")
    a, b = 48 * row + column, 48 * row + (column + 1) % 48
    faces = torch.cat((torch.stack((a, a + 48, b), -1), torch.stack((b, a + 48, b + 48), -1)))
    return Mesh(3 * pos.reshape(-1, 3) + torch.tensor([5.0, -1, 2]), faces.reshape(-1, 3), "ball")


@pytest.fixture
def square() -> Mesh:
    """The square from −1 to 1 in the plane z = 0: two triangles."""
    pos = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    return Mesh(pos, torch.tensor([[0, 1, 2], [0, 2, 3]]), "square")
