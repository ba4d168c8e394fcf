"""The classifier on a user's cloud."""

import pytest
import torch

from pcea.datasets import Taxonomy
from pcea.errors import InputError
from pcea.formats import Cloud, Mesh
from pcea.models import Classifier, create_model
from pcea.models.orientation import combined_categories, find_up

NAMES = Taxonomy(("cup", "chair", "car"))


@pytest.fixture
def model() -> Classifier:
    torch.manual_seed(0)
    model = create_model("eat-tiny", NAMES, num_points=200)
    assert isinstance(model, Classifier)
    return model


def test_names_and_probabilities(model: Classifier, generator: torch.Generator) -> None:
    cloud = Cloud(torch.rand(500, 3, generator=generator))
    named = model.classify(cloud)
    assert sorted(name for name, _ in named) == ["car", "chair", "cup"]
    probabilities = [probability for _, probability in named]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert model.classify(cloud, top=1) == named[:1]
    assert model.training


def test_place_and_scale_do_not_matter(model: Classifier, generator: torch.Generator) -> None:
    pos = torch.rand(200, 3, generator=generator)
    here, there = model.classify(Cloud(pos)), model.classify(Cloud(pos * 40 + 7))
    for (name, p), (other, q) in zip(here, there, strict=True):
        assert name == other
        assert p == pytest.approx(q, abs=1e-4)


def test_votes_are_averaged(model: Classifier, generator: torch.Generator) -> None:
    cloud = Cloud(torch.rand(500, 3, generator=generator))
    model.eval()
    with torch.no_grad():
        each = [model(model.sample(cloud, seed).pos).softmax(-1)[0] for seed in range(3)]
    expected = torch.stack(each).mean(0)
    for name, probability in model.classify(cloud, votes=3, up="y"):
        assert probability == pytest.approx(float(expected[NAMES.categories.index(name)]))


def test_a_mesh_is_sampled(model: Classifier) -> None:
    mesh = Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]))
    assert len(model.classify(mesh)) == 3


def test_a_small_cloud_is_enough(model: Classifier) -> None:
    assert len(model.classify(Cloud(torch.eye(3)))) == 3


def test_up_is_where_the_caller_says(model: Classifier, generator: torch.Generator) -> None:
    for module in model.modules():  # statistics of a batch: else all shapes look alike to it
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    model(torch.rand(4, 200, 3, generator=generator) * 2 - 1)
    pos = torch.rand(200, 3, generator=generator) * torch.tensor([1.0, 3.0, 0.3])
    standing = model.classify(Cloud(pos), up="y")
    lying = Cloud(pos[:, [0, 2, 1]] * torch.tensor([1.0, -1.0, 1.0]))
    for (name, p), (other, q) in zip(standing, model.classify(lying, up="z"), strict=True):
        assert name == other
        assert p == pytest.approx(q, abs=1e-5)
    assert abs(dict(standing)["cup"] - dict(model.classify(lying, up="y"))["cup"]) > 1e-3
    # Left out, it is guessed, as in the command.
    guess = find_up(model, lying)
    assert not guess.settled
    expected = combined_categories(model, lying, guess)
    for name, probability in model.classify(lying):
        index = model.info.taxonomy.categories.index(name)
        assert probability == pytest.approx(float(expected[index]), abs=1e-6)


def test_refuses_what_it_cannot_do(model: Classifier) -> None:
    with pytest.raises(InputError, match="votes is 0; it must be a whole number of at least 1"):
        model.classify(Cloud(torch.eye(3)), votes=0)
    with pytest.raises(InputError, match="no axis is called 'up'"):
        model.classify(Cloud(torch.eye(3)), up="up")
