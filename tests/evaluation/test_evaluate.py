from collections.abc import Callable
from dataclasses import replace
from threading import get_ident
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from pcea.datasets import Clouds
from pcea.datasets.taxonomy import Taxonomy
from pcea.errors import InputError
from pcea.evaluation import ClassificationResult, PartResult, evaluate
from pcea.models import PointModel, create_model
from pcea.models.info import ModelInfo

PARTS = Taxonomy(
    ("bar", "slab"), ("bar/low", "bar/high", "slab/low", "slab/high"), ((0, 1), (2, 3))
)


class Stub(PointModel):
    """A model whose answers a test chooses, and which keeps what it was given."""

    task = "classification"

    def __init__(self, taxonomy: Taxonomy) -> None:
        torch.nn.Module.__init__(self)
        self.info = ModelInfo("stub", taxonomy)
        self.taken: list[tuple[Tensor, Tensor | None, Tensor | None]] = []

    def forward(
        self, pos: Tensor, normal: Tensor | None = None, category: Tensor | None = None
    ) -> Tensor:
        assert not self.training and not torch.is_grad_enabled()
        self.taken.append((pos, normal, category))
        return self.answer(pos)

    def answer(self, pos: Tensor) -> Tensor:
        raise NotImplementedError


class ByHeight(Stub):
    """Scores parts by the height of each point, and favors those of bars."""

    task = "segmentation"

    def answer(self, pos: Tensor) -> Tensor:
        high = pos[..., 1]
        return torch.stack([2 - high, 2 + high, -high, high], dim=-1) * 3


def bars(lengths: tuple[int, ...]) -> Clouds:
    """Upright bars and slabs in turn, of whose points the upper half is one part."""
    made = []
    for i, length in enumerate(lengths):
        high = torch.linspace(-1, 1, length)
        pos = torch.stack([torch.zeros(length), high, torch.full((length,), 0.1 * i)], dim=-1)
        part = 2 * (i % 2) + (high > 0).long()
        made.append(
            Clouds.from_dense(pos[None], torch.tensor([i % 2]), pos[None], part[None], [str(i)])
        )
    return Clouds.cat(made)


def test_ragged_clouds_get_an_answer_for_each_point() -> None:
    clouds = bars((10, 14, 8, 22))
    model: Any = ByHeight(PARTS)
    result = evaluate(model, clouds, num_points=8, batch_size=3)
    assert isinstance(result, PartResult)
    # Only the parts of a shape's own category compete: slabs are right although bars score more.
    assert len(result.iou) == 4 and result.category.tolist() == [0, 1, 0, 1]
    # All points of the third are taken, so that it is surely right.
    assert result.iou[2] == 1.0
    # Elsewhere points between the two halves may be interpolated from the wrong one.
    assert bool((result.iou > 0.6).all())
    whole = evaluate(model, clouds, num_points=22)
    assert whole.iou.tolist() == [1.0, 1.0, 1.0, 1.0]


def test_the_parts_of_other_categories_do_not_compete() -> None:
    class Opposed(ByHeight):
        def answer(self, pos: Tensor) -> Tensor:
            return super().answer(pos).flip(-1)  # the best part is of the other category

    model: Any = Opposed(PARTS)
    result = evaluate(model, bars((10, 10)), num_points=10)
    # What is left after the other category's parts is upside down.
    assert result.iou.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("votes", [1, 2])
def test_probabilities_of_parts_are_those_among_the_parts_of_the_category(votes: int) -> None:
    model: Any = ByHeight(PARTS)
    clouds = bars((10, 14, 8, 22))
    result = evaluate(model, clouds, 22, votes, use_category=False)
    assert isinstance(result, PartResult) and clouds.part is not None
    assert result.confidence is not None and result.true_probability is not None
    assert result.confidence.shape == result.true_probability.shape == clouds.part.shape
    right = result.prediction == clouds.part
    torch.testing.assert_close(result.confidence[right], result.true_probability[right])
    torch.testing.assert_close(result.confidence[~right], 1 - result.true_probability[~right])
    assert result.category_probability is not None
    torch.testing.assert_close(result.category_probability.sum(1), torch.ones(4))
    if votes == 1:  # of all points, which are not stretched
        own = [model.answer(each.pos[None])[0].softmax(-1) for each in clouds]
        own_parts = [list(PARTS.parts_of[i]) for i in (0, 1, 0, 1)]
        wanted = torch.cat(
            [
                (p[:, i] / p[:, i].sum(1, keepdim=True)).amax(1)
                for p, i in zip(own, own_parts, strict=True)
            ]
        )
        torch.testing.assert_close(result.confidence, wanted, atol=1e-4, rtol=0)
        total = torch.stack(
            [torch.stack([p.mean(0)[list(i)].sum() for i in PARTS.parts_of]) for p in own]
        )
        torch.testing.assert_close(result.category_probability, total, atol=1e-4, rtol=0)
    given = evaluate(model, clouds, 22)
    assert isinstance(given, PartResult) and given.category_probability is None


def test_the_category_is_given_or_not() -> None:
    model: Any = ByHeight(PARTS)
    evaluate(model, bars((9, 9, 9)), num_points=4)
    assert model.taken[-1][2].tolist() == [0, 1, 0]
    evaluate(model, bars((9, 9, 9)), num_points=4, use_category=False)
    assert model.taken[-1][2] is None


def test_a_classifier_takes_the_first_points_and_the_normals() -> None:
    class First(Stub):
        def answer(self, pos: Tensor) -> Tensor:
            return torch.tensor([[0.0, 1.0]]).expand(len(pos), -1)

    model: Any = First(Taxonomy(("bar", "slab")))
    clouds = bars((9, 9, 9))
    result = evaluate(model, clouds, num_points=4, batch_size=2)
    assert isinstance(result, ClassificationResult)
    assert result.confusion.tolist() == [[0, 2], [0, 1]]
    assert [len(pos) for pos, _, _ in model.taken] == [2, 1]
    assert torch.equal(model.taken[0][0], clouds.pos.view(3, 9, 3)[:2, :4])
    assert torch.equal(model.taken[0][1], model.taken[0][0])


def test_votes_average_probabilities() -> None:
    class Fickle(Stub):
        # Two weak votes for the bar lose against a strong one for the slab.
        logits: ClassVar = [[0.2, 0.0], [0.2, 0.0], [0.0, 5.0]]

        def answer(self, pos: Tensor) -> Tensor:
            return torch.tensor([self.logits[len(self.taken) - 1]]).expand(len(pos), -1)

    def taken(votes: int) -> list[int]:
        model: Any = Fickle(Taxonomy(("bar", "slab")))
        return evaluate(model, bars((9, 9)), num_points=4, votes=votes).confusion.sum(0).tolist()

    assert taken(2) == [2, 0]
    assert taken(3) == [0, 2]


def test_later_votes_take_other_points_stretched() -> None:
    model: Any = ByHeight(PARTS)
    clouds = bars((40, 40))
    evaluate(model, clouds, num_points=8, votes=3)
    first, second, third = (pos for pos, _, _ in model.taken)
    real = clouds.pos.view(2, 40, 3)
    assert all(any(torch.equal(p, q) for q in real[0]) for p in first[0])
    for pos in (second, third):
        ratio = pos[1, :, 2] / real[1, 0, 2]  # every point of a slab has the same depth
        assert torch.allclose(ratio, ratio[:1].expand(8)) and 0.8 <= float(ratio[0]) <= 1.2
        assert not torch.isclose(ratio[0], torch.tensor(1.0), atol=1e-4)
    assert not torch.equal(second, third)


@pytest.mark.parametrize("name", ["eat-tiny", "eat-seg-tiny"])
@pytest.mark.parametrize("votes", [1, 3])
def test_figures_repeat_whatever_the_batch_size(name: str, votes: int) -> None:
    options = {"dims": (8, 8, 16), "num": (8, 8), "k": 4, "depth": 1, "fused": 16}
    model = create_model(name, PARTS, hidden=(16, 8), **options)
    clouds = bars((40, 30, 40, 50, 20))
    one = evaluate(model, clouds, num_points=16, votes=votes, batch_size=5)
    other = evaluate(model, clouds, num_points=16, votes=votes, batch_size=2)
    assert one.summary() == other.summary()


@pytest.mark.parametrize("name", ["eat-tiny", "eat-seg-tiny"])
def test_threads_change_no_figure(use_threads: Callable[[int], None], name: str) -> None:
    torch.manual_seed(0)
    model, clouds = create_model(name, PARTS), bars((30, 24, 28) * 7)

    def run(threads: int, batch_size: int) -> list[Tensor]:
        use_threads(threads)
        result: Any = evaluate(model, clouds, 24, 2, batch_size)
        return [result.probability] if name == "eat-tiny" else [result.confidence, result.iou]

    wanted = run(1, 32)
    for threads, batch_size in ((2, 32), (2, 1), (3, 5)):
        torch.testing.assert_close(run(threads, batch_size), wanted)


class KeepsItsInput(torch.nn.Identity):
    """A module that keeps a value between two operators, as those of other packages may."""

    def forward(self, x: Tensor) -> Tensor:
        self.kept = x
        return self.kept


@pytest.mark.parametrize("what", ["plain", "hook", "module", "few"])
def test_only_modules_that_keep_nothing_are_called_in_several_threads(
    use_threads: Callable[[int], None], what: str
) -> None:
    use_threads(2)
    model, threads = create_model("eat-tiny", PARTS), set[int]()
    forward = model.encoder.forward

    def note(*values: Any, **named: Any) -> Any:
        threads.add(get_ident())
        return forward(*values, **named)

    model.encoder.forward = note  # type: ignore[method-assign]
    if what == "hook":
        model.last_layer.register_forward_hook(lambda *_: None)
    if what == "module":
        model.extra = KeepsItsInput()
    evaluate(model, bars((24,) * (16 if what == "few" else 40)), 24)
    assert (get_ident() in threads) == (what != "plain")


def _fail(*_: object) -> None:
    raise RuntimeError("in the middle")


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_model_stays(training: bool) -> None:
    model = create_model("eat-seg-tiny", PARTS).train(training)
    evaluate(model, bars((9,)), num_points=8)
    assert all(module.training == training for module in model.modules())
    model.register_forward_hook(_fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        evaluate(model, bars((9,)), num_points=8)
    assert all(module.training == training for module in model.modules())


def test_nothing_to_evaluate() -> None:
    model: Any = ByHeight(PARTS)
    clouds = bars((9, 9))
    with pytest.raises(InputError, match="there are no clouds to evaluate"):
        evaluate(model, clouds.select([]), num_points=8)
    with pytest.raises(InputError, match="votes is 0; it must be a whole number of at least 1"):
        evaluate(model, clouds, num_points=8, votes=0)
    whole = Clouds.from_dense(torch.rand(2, 9, 3), torch.tensor([0, 1]))
    with pytest.raises(InputError, match="no part labels"):
        evaluate(model, whole, num_points=8)


def test_evaluation_leaves_modes_and_parameters_as_they_were() -> None:
    """A frozen normalization in training, a frozen weight: both are so afterwards, error or not."""
    model = create_model("eat-seg-tiny", PARTS, num=(8, 4), k=2).train()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    norms[0].eval()
    next(model.parameters()).requires_grad_(False)
    modes = {name: each.training for name, each in model.named_modules()}
    free = {name: each.requires_grad for name, each in model.named_parameters()}
    before = {name: each.clone() for name, each in model.state_dict().items()}
    assert set(modes.values()) == set(free.values()) == {True, False}
    for points in (8, 0):
        if points:
            evaluate(model, bars((12, 10)), points, votes=2)
        else:
            with pytest.raises(InputError, match="num_points is 0"):
                evaluate(model, bars((12, 10)), points)
        assert {name: each.training for name, each in model.named_modules()} == modes
        assert {name: each.requires_grad for name, each in model.named_parameters()} == free
        assert all(each.grad is None for each in model.parameters())
        assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


def test_labels_that_the_model_does_not_know_are_refused() -> None:
    model = create_model("eat-seg-tiny", PARTS, num=(8, 4), k=2)
    clouds = bars((12, 10))
    with pytest.raises(InputError, match="knows no category 7"):
        evaluate(model, replace(clouds, category=torch.tensor([0, 7])), 8)
    assert clouds.part is not None
    with pytest.raises(InputError, match="knows no part 6"):
        evaluate(model, replace(clouds, part=clouds.part + 3), 8)


def test_clouds_are_transformed_before_the_votes() -> None:
    model: Any = ByHeight(PARTS)
    evaluate(model, bars((30, 30)), 8, transforms=["scale(2, 2)", "resample(points=6)"])
    plain: Any = ByHeight(PARTS)
    evaluate(plain, bars((30, 30)), 8)
    taken, whole = model.taken[0][0], plain.taken[0][0]
    assert taken.shape == (2, 6, 3)
    for cloud, points in enumerate(taken):
        assert all(any(torch.equal(p, 2 * q) for q in whole[cloud]) for p in points)


def test_a_segmenter_is_measured_on_the_points_that_are_left() -> None:
    model: Any = ByHeight(PARTS)
    upright = evaluate(model, bars((30, 30)), 20, transforms="drop-patch(5)")
    assert isinstance(upright, PartResult)
    assert upright.iou.tolist() == [1.0, 1.0]
    assert len(upright.target) == 2 * 15
    turned = evaluate(model, bars((30, 30)), 20, transforms=["rotate((180, 180), tilt)"])
    assert isinstance(turned, PartResult)
    assert turned.iou.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("corruption", ["jitter", "dropout_local", "add_local"])
def test_corrupted_figures_repeat_whatever_the_batch_size(corruption: str) -> None:
    class Moments(Stub):
        def answer(self, pos: Tensor) -> Tensor:
            return pos.abs().mean(1)[:, :2] * 20

    def figures(severity: int, batch_size: int) -> Tensor:
        model: Any = Moments(Taxonomy(("bar", "slab")))
        clouds = bars(tuple(range(700, 740)))
        given = {"batch_size": batch_size, "corruption": corruption, "severity": severity}
        result = evaluate(model, clouds, 600, votes=2, **given)
        assert isinstance(result, ClassificationResult) and result.probability is not None
        return result.probability

    first = figures(2, 40)
    torch.testing.assert_close(first, figures(2, 7))
    assert not torch.allclose(first, figures(4, 40))


def test_what_evaluation_cannot_do_is_refused() -> None:
    model: Any = ByHeight(PARTS)
    for given, message in (
        ({"transforms": ["rsmix"]}, "rsmix.* changes labels"),
        ({"transforms": ["any-up"]}, "any-up.* changes labels"),
        ({"transforms": "jiter"}, "did you mean 'jitter'"),
        ({"corruption": "jiter"}, "did you mean 'jitter'"),
        ({"corruption": "jitter", "severity": 0}, "severity is 0"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate(model, bars((9, 9)), 8, **given)  # type: ignore[arg-type]
