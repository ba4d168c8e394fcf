from types import ModuleType

import numpy as np
import pytest
import torch

from pcea import Cloud, InputError, Mesh, as_shape
from pcea.pictures import to_open3d


def test_there_and_back(ball: Mesh, open3d: ModuleType) -> None:
    normal = torch.nn.functional.normalize(ball.vertices - torch.tensor([5.0, -1, 2]), dim=1)
    colors = (255 * (normal + 1) / 2).round().to(torch.uint8)
    made = to_open3d(ball, colors)
    assert isinstance(made, open3d.geometry.TriangleMesh)
    # Open3D's own normals of a ball point outward.
    assert (np.asarray(made.vertex_normals) * normal.numpy()).sum(axis=1).min() > 0.99
    back = as_shape(made)
    assert isinstance(back, Mesh) and back.color is not None
    assert torch.equal(back.vertices, ball.vertices) and torch.equal(back.faces, ball.faces)
    assert torch.equal(back.color, colors)
    cloud = Cloud(ball.vertices, normal, color=colors, offset=torch.tensor([1e6, 0, 0]))
    again = as_shape(to_open3d(cloud))
    assert isinstance(again, Cloud) and again.normal is not None and again.color is not None
    assert torch.allclose(again.file_pos, cloud.file_pos, atol=1e-6)
    assert torch.allclose(again.normal, normal, atol=1e-6) and torch.equal(again.color, colors)


@pytest.mark.usefixtures("open3d")
def test_colors_of_faces(square: Mesh) -> None:
    red_blue = torch.tensor([[255, 0, 0], [0, 0, 255]], dtype=torch.uint8)
    made = to_open3d(square, red_blue)
    assert len(made.triangles) == 2 and len(made.vertices) == 6
    assert np.asarray(made.vertex_colors)[[0, 2, 3]].tolist() == [[1, 0, 0]] * 2 + [[0, 0, 1]]
    assert np.allclose(made.get_surface_area(), 4)
    with pytest.raises(InputError, match=r"not \(3, 3\)"):
        to_open3d(square, red_blue[[0, 0, 0]])
