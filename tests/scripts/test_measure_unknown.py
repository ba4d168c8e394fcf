"""The script that leaves categories out of training, and looks whether they are told."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from pcea.datasets import PointCloudDataset, Taxonomy, load_dataset
from pcea.errors import InputError
from pcea.evaluation import make_trustworthy
from pcea.models import create_model, save_model

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_unknown.py"


@pytest.fixture(scope="module")
def shapes() -> PointCloudDataset:
    return load_dataset("shapes", "val", num_per_category=2, num_points=64)


def test_no_cloud_of_a_left_out_category_is_known(
    script: ModuleType, shapes: PointCloudDataset
) -> None:
    left_out = script.draw(shapes, 3, seed=1)
    assert left_out == script.draw(shapes, 3, seed=1) != script.draw(shapes, 3, seed=2)
    known, unknown = script.split(shapes, left_out)
    names = [shapes.taxonomy.categories[i] for i in left_out]
    assert len(known.taxonomy.categories) == 13 and not set(names) & set(known.taxonomy.categories)
    assert {each.split("/")[0] for each in unknown.clouds.names} == set(names)
    assert len(known) == 26 and len(unknown) == 6
    for cloud in known.clouds:
        named = known.taxonomy.categories[int(cloud.category)]
        assert cloud.names[0].split("/")[0] == named
    with pytest.raises(InputError, match="must be 1 to 14 of 16"):
        script.draw(shapes, 15, seed=0)


def test_the_area_is_the_share_of_pairs_in_order(script: ModuleType) -> None:
    known, unknown = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0])
    assert script.auroc(known, unknown) == pytest.approx((1 + 0.5 + 0 + 3) / 6)


def test_it_prints_each_score_and_goes_on(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        "dataset: shapes\nmodel: eat-tiny\nnum_points: 64\nepochs: 1\nbatch_size: 64\n"
        "model_options: {dims: [8, 8, 16], num: [16, 8], k: 4, depth: 1, fused: 16}\n"
    )
    words = [str(recipe), "--out", str(tmp_path / "run"), "--json", str(file)]
    script.main(words)
    first, said = json.loads(file.read_text()), capsys.readouterr().out
    assert set(first["auroc"]) == {"strangeness", "distance", "1 - probability", "energy"}
    assert all(0 <= each <= 1 for each in first["auroc"].values())
    assert "never seen: " in said and "% of the unknown ones" in said
    script.main(words)
    assert json.loads(file.read_text()) == first


def test_calibrated_weights_are_taken_as_they_are(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    torch.manual_seed(0)
    options = {"dims": (8, 8, 16), "num": (16, 8), "k": 4, "depth": 1, "fused": 16}
    data = [load_dataset("shapes", s, num_per_category=4, num_points=64) for s in ("train", "val")]
    model = create_model("eat-seg-tiny", data[0].taxonomy, normals=True, **options).eval()
    model.info = replace(model.info, num_points=64, dataset="shapes")
    train, val = (each.clouds for each in data)
    make_trustworthy(model, train, val, 64)
    limits = {**model.info.limits, "probability": 0.0}  # of so new a model, no answer is likely
    model.info = replace(model.info, limits=limits)
    save_model(model, tmp_path / "m.safetensors")
    script.main(
        [str(tmp_path / "m.safetensors"), "--others", "gear", "--unknown", "knife", "cap"]
        + ["--known", "shapes", "--json", str(file)]
    )
    found, said = json.loads(file.read_text()), capsys.readouterr().out
    assert "never seen: cap, knife;" in said
    assert set(found["auroc"]) == {"strangeness", "distance", "1 - probability"}
    assert found["never_seen"] == ["cap", "knife"]


def test_known_clouds_may_be_of_the_same_data_set(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "modelnet40-eat-robust --others gear --known gear --unknown knife cap bag".split()
    script.main(words)
    assert (
        "never seen: bag, cap, knife; 96 known clouds, 48 unknown ones" in capsys.readouterr().out
    )


def test_unsure_by_either_limit(script: ModuleType) -> None:
    model = create_model("eat-tiny", Taxonomy(("a", "b")), dims=(8, 8, 16), num=(16, 8), k=4)
    model.info = replace(model.info, limits={"probability": 0.5, "strangeness": 2.0})
    found = {
        "1 - probability": torch.tensor([0.1, 0.6, 0.1, 0.9, 0.5]),
        "strangeness": torch.tensor([1.0, 1.0, 2.5, 3.0, 2.0]),
    }
    assert script.unsure(model, found) == pytest.approx(3 / 5)


def test_both_options_of_the_unknown_are_needed(script: ModuleType) -> None:
    with pytest.raises(SystemExit):
        script.main(["everyday-eat-tiny", "--others", "gear"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["modelnet40-eat-small", "--others", "gear", "--unknown", "knife"], "is not calibrated"),
        (["everyday-eat-tiny", "--others", "gear", "--unknown", "spoon"], "spoon"),
        (["everyday-eat-tiny", "--others", "gear", "--unknown", "Knife"], "knows 'knife'"),
    ],
)
def test_wrong_words(script: ModuleType, words: list[str], complaint: str) -> None:
    with pytest.raises(SystemExit, match=complaint):
        script.main(words)
