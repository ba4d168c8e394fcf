import pytest
import torch

from pcea.errors import InputError
from pcea.geometry import UP_AXES, upright, upright_turns


@pytest.mark.parametrize("up", UP_AXES)
def test_the_axis_that_points_up_becomes_y(up: str) -> None:
    axis = torch.zeros(3)
    axis["xyz".index(up[-1])] = -1.0 if up.startswith("-") else 1.0

    assert upright(axis, up).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("up", UP_AXES)
def test_nothing_is_mirrored_or_stretched(up: str) -> None:
    turn = upright(torch.eye(3, dtype=torch.float64), up)

    assert torch.equal(turn @ turn.T, torch.eye(3, dtype=torch.float64))
    assert torch.det(turn).item() == pytest.approx(1.0)


def test_y_up_is_left_alone(generator: torch.Generator) -> None:
    pos = torch.randn(2, 5, 3, generator=generator)

    assert torch.equal(upright(pos, "y"), pos)


def test_an_unknown_axis_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="no axis is called 'Z'"):
        upright(torch.zeros(1, 3), "Z")


def test_turns_are_the_same_as_matrices(generator: torch.Generator) -> None:
    pos = torch.randn(5, 3, generator=generator)

    for up, turn in zip(UP_AXES, upright_turns(), strict=True):
        torch.testing.assert_close(pos @ turn, upright(pos, up))
        torch.testing.assert_close(upright(pos @ turn.T, up), pos)
