"""A whole comparison of two attentions with two seeds, and what stands in its files."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

import pcea
from pcea.comparison import compare as module
from pcea.comparison import grid, measures
from pcea.comparison.grid import read_entry
from pcea.comparison.measures import Cost, corruptions_of
from pcea.comparison.page import write_comparison
from pcea.comparison.pictures import front_of
from pcea.comparison.table import Comparison, Row
from pcea.datasets import PointCloudDataset, load_dataset
from pcea.errors import InputError
from pcea.explanation import measure_faithfulness
from pcea.training import build_model, setup

OPTIONS = {"dims": (8, 8, 16), "num": (16, 8), "k": 4, "depth": 1, "fused": 16, "dropout": 0.0}
RECIPE = replace(
    pcea.RECIPES["shapes-cls"],
    model_options=OPTIONS,
    num_points=32,
    epochs=6,
    batch_size=8,
    warmup_epochs=0.0,
    label_smoothing=0.0,
    lr=0.004,
    tracker=(),
    precision="float32",
    compile="no",
)
ATTENTIONS = ["external(slots=4)", "mean"]
CONDITIONS = ("clean", "jitter:2", "scale:5")
few = cache(partial(load_dataset, num_per_category=6, num_points=64))


def compare(
    out: Path, attentions: list[str], seeds: tuple[int, ...], kept: Path | None = None
) -> Comparison:
    corrupt = ["jitter:2", "scale:5"]
    return pcea.compare(RECIPE, attentions, out, seeds, corrupt=corrupt, kept=kept)


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        for each in (setup, measures, module):
            patch.setattr(each, "load_dataset", few)
        patch.setattr("pcea.training.report.as_svg", lambda figure, label: "<svg></svg>")
        patch.setattr(measures, "weigh", lambda found, device: None)  # starts new processes
        patch.setattr(measures, "ROUNDS", 1)
        yield patch


@pytest.fixture(scope="module")
def found(patched: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(tmp_path_factory.mktemp("grid"), ATTENTIONS, (0, 1))


def test_figures_are_those_of_evaluate(found: Comparison) -> None:
    clouds = few("shapes", "val").clouds
    assert [row.label for row in found.rows] == ATTENTIONS
    expected = dict[str, list[float]]()
    for condition in CONDITIONS:
        name, _, severity = condition.partition(":")
        how = {"corruption": name, "severity": int(severity)} if severity else {}
        runs = [found.grid.run_of(found.grid.entries[1], seed) for seed in (0, 1)]
        results = [pcea.evaluate(pcea.load_model(run.last), clouds, 32, **how) for run in runs]
        expected[condition] = [each.figures()["overall_accuracy"] for each in results]
    row = found.rows[1]
    assert found.conditions == CONDITIONS and found.clouds == len(clouds)
    assert len(set(expected["clean"])) == 2 and max(expected["clean"]) > 0.1  # above chance
    assert row.figures("overall_accuracy") == expected["clean"]
    means = [fmean(each) for each in zip(expected["jitter:2"], expected["scale:5"], strict=True)]
    assert row.corrupted("overall_accuracy") == pytest.approx(means)
    values = found.as_dict()["attentions"][1]
    assert values["mean"] == pytest.approx(fmean(expected["clean"]))
    assert values["std"] == pytest.approx(stdev(expected["clean"]))


def test_every_corruption_counts_the_same() -> None:
    assert corruptions_of(["clean", "jitter:1", "scale:5", "jitter:2"]) == [
        ["jitter:1", "jitter:2"],
        ["scale:5"],
    ]
    figures = {"clean": 1.0, "jitter:1": 0.8, "jitter:2": 0.6, "scale:5": 0.1}
    scores = {0: {name: {"figures": {"accuracy": value}} for name, value in figures.items()}}
    row = Row("self", Cost(1, 1.0, None, None), scores)
    assert row.corrupted("accuracy") == pytest.approx([(0.7 + 0.1) / 2])


def test_failed_runs_and_missing_seeds_are_said(found: Comparison) -> None:
    first, second = found.rows
    only = replace(first, scores={0: first.scores[0]})
    said = replace(
        found,
        rows=(only, second),
        failed={"external(slots=4), seed 1": "the loss is not finite"},
        commits=("a" * 40, "b" * 40 + "+"),
    ).findings()
    assert said[0] == "Failed: external(slots=4), seed 1: the loss is not finite."
    assert said[1] == "The runs were trained by 2 versions of the code: aaaaaaa, bbbbbbb+."
    assert said[2] == "external(slots=4) has 1 of the 2 seeds of mean: the difference is of these."


def test_differences_are_those_of_the_figures(found: Comparison) -> None:
    first, second = found.rows
    assert first.difference is None and second.difference is not None
    assert second.corrupted_difference is not None
    pairs = zip(second.figures("overall_accuracy"), first.figures("overall_accuracy"), strict=True)
    each = [own - other for own, other in pairs]
    assert second.difference.mean == pytest.approx(np.mean(each), abs=1e-6)
    assert second.difference.std == pytest.approx(stdev(each), abs=1e-6)
    assert len(second.difference.mcnemar) == 2
    back = first.compared_with(second)
    assert back.difference is not None and back.corrupted_difference is not None
    assert back.difference.mean == -second.difference.mean
    assert back.corrupted_difference.mean == -second.corrupted_difference.mean
    both = first.compared_with(replace(second, scores={1: second.scores[1]})).difference
    assert both is not None and both.seeds == 1 and both.mean == pytest.approx(-each[1], abs=1e-6)
    none = first.compared_with(replace(second, scores={7: second.scores[1]}))
    assert none.difference is None and none.corrupted_difference is None


def test_costs_are_those_of_the_model(found: Comparison) -> None:
    data, entry = few("shapes", "train"), read_entry("external(slots=4)", RECIPE)
    model = build_model(replace(RECIPE, **entry.changes), data)
    cost = found.rows[0].cost
    assert cost.parameters == sum(each.numel() for each in model.parameters())
    assert cost.step_seconds is not None and cost.step_seconds > 0
    # Attention alone, by hand: 8 tokens of 16 channels, 4 slots; Wq into Mk, scores, values.
    with_slots, without = found.rows[0].cost.operations, found.rows[1].cost.operations
    assert with_slots - without == 2 * (4 * 16 * 16 + 2 * 8 * 4 * 16) - 2 * 16 * 16


def test_what_is_written(found: Comparison) -> None:
    out = found.grid.out
    assert (out / "table.md").read_text() == found.text() + "\n"
    assert json.loads((out / "comparison.json").read_text())["baseline"] == ATTENTIONS[0]
    with (out / "figures.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * 2 * len(CONDITIONS)
    assert {line["condition"] for line in lines} == set(CONDITIONS)
    page = (out / "index.html").read_text()
    assert page.count("<svg") == 2 and "data:image/png;base64" in page and "://" not in page
    for name in ("costs", "curves", "maps"):
        assert (out / f"{name}.png").stat().st_size > 5000


def test_a_further_attention_leaves_the_others_as_they_are(
    found: Comparison, patched: pytest.MonkeyPatch
) -> None:
    evaluated = list[str]()
    evaluate = measures.evaluate

    def counted(model: object, *args: object, **how: object) -> object:
        evaluated.append(str(how))
        return evaluate(model, *args, **how)  # type: ignore[arg-type]

    patched.setattr(measures, "evaluate", counted)
    patched.setattr(module, "write_comparison", lambda found, shape: None)
    more = compare(found.grid.out, [*ATTENTIONS, "identity"], (0,))
    assert len(evaluated) == len(CONDITIONS)
    assert [row.label for row in more.rows] == [*ATTENTIONS, "identity"]
    assert more.rows[0].scores[0] == found.rows[0].scores[0]
    assert more.rows[2].difference is not None and more.rows[2].difference.over_seeds is None
    assert any("with one seed it is unknown" in each for each in more.findings())


@pytest.fixture
def file(found: Comparison, tmp_path: Path) -> Path:
    """A file of the measured runs."""
    file = tmp_path / "kept" / "runs.json.gz"
    compare(found.grid.out, ATTENTIONS, (0, 1), file)
    return file


def untrained(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(grid, "train", lambda *given, **named: 1 / 0)
    patched.setattr(measures, "evaluate", lambda *given, **named: 1 / 0)


def test_measured_runs_go_on_elsewhere(
    found: Comparison, file: Path, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        untrained(patch)
        again = compare(tmp_path / "grid", ATTENTIONS, (0, 1), file)
        assert [row.scores for row in again.rows] == [row.scores for row in found.rows]
        before = file.read_bytes()
        compare(tmp_path / "grid", ATTENTIONS, (0,), file)
        assert file.read_bytes() == before  # fewer runs take none away
        out = tmp_path / "grid"
        with pytest.raises(InputError, match="has no weights, and was not measured on this val"):
            pcea.compare(RECIPE, ATTENTIONS, out, (0, 1), corrupt=["rotate:1"])


def test_maps_are_measured_by_the_first_seed(
    found: Comparison, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"corrupt": ["jitter:2", "scale:5"], "faithfulness": 4}
    file, out = tmp_path / "runs.json.gz", found.grid.out
    patched.setattr(module, "write_comparison", write_comparison)
    measured = pcea.compare(RECIPE, ATTENTIONS, out, (0, 1), kept=file, **how).faithful
    assert list(measured) == ATTENTIONS
    model = pcea.load_model(found.grid.run_of(found.grid.entries[0], 0).last)
    clouds = few("shapes", "val").clouds
    alone = measure_faithfulness(model, clouds, 4, RECIPE.num_points)
    (ours,) = (measured[each] for each in ATTENTIONS[:1])
    area = ours["deletion"]["slots"]["probability_area"]
    assert area == pytest.approx(alone.deletion["slots"].probability_area)
    rows = (out / "faithfulness.md").read_text().splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {each}" for each in ATTENTIONS]
    gain = alone.deletion["slots"].over["regions"]
    assert f"| {gain.mean:+.3f} ± {gain.margin:.3f} |" in rows[0]
    with pytest.MonkeyPatch.context() as patch:
        untrained(patch)
        patch.setattr("pcea.comparison.faithful.measure_faithfulness", lambda *given: 1 / 0)
        again = pcea.compare(RECIPE, ATTENTIONS, tmp_path / "grid", (0, 1), kept=file, **how)
    assert json.loads(json.dumps(again.faithful)) == json.loads(json.dumps(measured))


def test_a_file_with_runs_of_another_recipe_stays_as_it_is(
    file: Path, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = file.read_bytes()
    other = replace(RECIPE, epochs=RECIPE.epochs + 1)
    with pytest.MonkeyPatch.context() as patch:
        untrained(patch)
        with pytest.raises(
            InputError, match=r"external\(slots=4\), seed 0 is a run of another recipe"
        ):
            pcea.compare(other, ATTENTIONS, tmp_path / "grid", (0,), kept=file)
    assert file.read_bytes() == before


def test_runs_without_a_condition_are_not_taken(
    file: Path, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"corrupt": ["jitter:2", "rotate:1", "scale:5"], "kept": file}
    with pytest.MonkeyPatch.context() as patch:
        untrained(patch)
        with pytest.raises(ZeroDivisionError):
            pcea.compare(RECIPE, ATTENTIONS, tmp_path / "grid", (0,), **how)
    assert not list((tmp_path / "grid").rglob("scores-*"))


def test_runs_that_could_not_be_kept_are_refused_before_training(
    file: Path, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        untrained(patch)
        how: dict[str, Any] = {"corrupt": ["rotate:1", "scale:5"], "kept": file}
        with pytest.raises(
            InputError, match="under jitter:2, but not under rotate:1: add jitter:2"
        ):
            pcea.compare(RECIPE, ATTENTIONS, tmp_path / "grid", (0,), **how)


def test_runs_on_other_training_clouds_are_refused(
    found: Comparison, file: Path, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fewer(name: str, split: str, root: object = None) -> PointCloudDataset:
        return few(name, split)[:-1] if split == "train" else few(name, split)

    with pytest.MonkeyPatch.context() as patch:
        untrained(patch)
        patch.setattr(module, "load_dataset", fewer)
        with pytest.raises(InputError, match=r"were trained on other clouds of shapes \(train\)"):
            compare(found.grid.out, ATTENTIONS, (0, 1))
        with pytest.raises(InputError, match="is a run of another recipe, split or data set"):
            compare(tmp_path / "grid", ATTENTIONS, (0, 1), file)


def test_a_run_is_not_replaced_by_one_of_which_less_was_measured(
    found: Comparison, file: Path, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = file.read_bytes()
    out = tmp_path / "grid"
    compare(out, ATTENTIONS, (0, 1), file)
    for scores in out.rglob("scores-*"):
        conditions = json.loads(scores.read_text())
        conditions["conditions"].pop("scale:5")
        scores.write_text(json.dumps(conditions))
    pcea.compare(RECIPE, ATTENTIONS, out, (0, 1), corrupt=["jitter:2"], kept=file)
    assert file.read_bytes() == before


def test_a_folder_that_was_cut_off_is_filled(
    found: Comparison, file: Path, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = found.grid.run_of(found.grid.entries[0], 0).path.relative_to(found.grid.out)
    (tmp_path / "grid" / run / "resume").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        untrained(patch)
        compare(tmp_path / "grid", ATTENTIONS, (0, 1), file)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"{", mtime=0),
        gzip.compress(b"[]", mtime=0),
        gzip.compress(b'{"a": {"recipe": "", "metrics": "", "scores": 1}}', mtime=0),
        gzip.compress(
            b'{"a": {"recipe": 1, "metrics": "", "scores": {"clouds": 1, "conditions": {}}}}',
            mtime=0,
        ),
        gzip.compress(b"{}" * 1000, mtime=0)[:20],
    ],
)
def test_a_broken_file_is_one_line(
    content: bytes, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "runs.json.gz"
    file.write_bytes(content)
    with pytest.raises(
        InputError, match=r"runs\.json\.gz: it is no file of measured runs"
    ) as caught:
        compare(tmp_path / "grid", ATTENTIONS, (0,), file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"corrupt": ["jittr"]}, "no corruption is called 'jittr'"),
        ({"split": "vall"}, "no split 'vall'"),
        ({"split": "train"}, "trained on the split train, so the figures of the split train"),
        ({"shape": "missing.obj"}, "missing.obj"),
    ],
)
def test_wrong_input_is_refused_before_training(
    tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        pcea.compare(RECIPE, ["self"], tmp_path, **wrong)
    assert not (tmp_path / "runs").exists()


def test_the_front_is_what_no_other_beats() -> None:
    costs, values = [1.0, 2.0, 3.0, 2.0, 4.0], [10.0, 12.0, 11.0, 12.0, 15.0]
    assert front_of(costs, values) == [0, 1, 3, 4]
