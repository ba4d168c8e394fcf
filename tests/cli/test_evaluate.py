"""Figures on a screen and in a file."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import pcea as package
from pcea.datasets.everyday import everyday_taxonomy
from pcea.errors import InputError
from pcea.evaluation import register_metric
from pcea.evaluation.metrics import METRICS
from pcea.models import save_model
from pcea.transforms import corruption_sets, list_corruptions

Run = Callable[..., str]


def test_classifier(pcea: Run, classifier: Path, toys: Path, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "test.json"
    out = pcea("evaluate", classifier, "--data-root", toys, "--votes", 2, "--json", file)
    figures = json.loads(file.read_text())
    assert figures["task"] == "classification"
    assert (figures["dataset"], figures["split"], figures["clouds"]) == ("toys", "test", 6)
    assert (figures["votes"], figures["num_points"]) == (2, 32)
    assert figures["weights"] == str(classifier)
    assert figures["model"] == "eat-tiny"
    assert figures["version"] == package.__version__
    assert set(figures["per_class"]) == {"Ball", "Box"}
    mean = sum(figures["per_class"].values()) / 2
    assert figures["overall_accuracy"] == pytest.approx(mean)  # as many balls as boxes
    assert figures["mean_class_accuracy"] == pytest.approx(mean)
    assert f"{100 * figures['overall_accuracy']:.1f} %" in out
    assert "Ball" in out


def test_a_strangers_metric(
    pcea: Run, classifier: Path, toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))
    register_metric("mistakes", task="classification")(
        lambda result: int((result.prediction != result.target).sum())
    )
    file = tmp_path / "test.json"
    words = ("evaluate", classifier, "--data-root", toys, "--metric", "mistakes")
    assert "mistakes" in pcea(*words, "--json", file)
    figures = json.loads(file.read_text())
    assert figures["mistakes"] == pytest.approx(6 * (1 - figures["overall_accuracy"]))


def test_segmenter(pcea: Run, segmenter: Path, toys: Path, tmp_path: Path) -> None:
    figures = []
    for option in ("--category", "--no-category"):
        file = tmp_path / f"{option}.json"
        words = ("evaluate", segmenter / "model.safetensors", "--data-root", toys, option)
        assert "instance miou" in pcea(*words, "--json", file, "--num-points", 20)
        figures.append(json.loads(file.read_text()))
    told, untold = figures
    assert told["task"] == "segmentation"
    assert told["category_given"]
    assert not untold["category_given"]
    assert set(told["per_category"]) == {"Ball", "Box"}
    assert 0 <= told["class_miou"] <= 1
    assert 0 <= untold["instance_miou"] <= 1


def test_the_help_names_every_corruption(pcea: Run) -> None:
    words = set(re.findall(r"[\w-]+", pcea("evaluate", "--help")))
    assert {*list_corruptions(), *corruption_sets(), "all"} <= words


def test_one_severity_of_a_corruption(
    pcea: Run, classifier: Path, toys: Path, tmp_path: Path
) -> None:
    file = tmp_path / "jitter.json"
    words = ("evaluate", classifier, "--data-root", toys, "--corrupt", "jitter:2")
    out = pcea(*words, "--json", file)
    assert "severity 2" in out and "made on the fly (jitter)" in out
    figures = json.loads(file.read_text())
    found = figures["corrupted"]
    assert (found["format"], found["complete"]) == (1, True)
    jitter = found["corruptions"]["jitter"]
    assert jitter["severities"] == {
        "2": {name: figures[name] for name in ("overall_accuracy", "mean_class_accuracy")}
    }
    assert jitter["source"] == "made on the fly" and jitter["approximation"] is None
    assert found["clean"]["overall_accuracy"] >= 0 and found["benchmarks"] == {}


def test_all_severities_of_a_corruption(
    pcea: Run, segmenter: Path, toys: Path, tmp_path: Path
) -> None:
    file = tmp_path / "dropout.json"
    words = ("evaluate", segmenter, "--data-root", toys, "--corrupt", "dropout_global")
    assert "severity 5" in pcea(*words, "--json", file)
    figures = json.loads(file.read_text())
    severities = figures["corrupted"]["corruptions"]["dropout_global"]["severities"]
    each = [found["class_miou"] for found in severities.values()]
    assert list(severities) == list("12345") and len(set(each)) > 1
    assert figures["class_miou"] == pytest.approx(sum(each) / 5)
    assert figures["class_miou"] == pytest.approx(sum(figures["per_category"].values()) / 2)


@pytest.mark.parametrize("category", ["--category", "--no-category"])
def test_calibration(pcea: Run, segmenter: Path, toys: Path, tmp_path: Path, category: str) -> None:
    file, picture = tmp_path / "test.json", tmp_path / "reliability.svg"
    words = ("evaluate", segmenter, "--data-root", toys, "--json", file, category)
    out = pcea(*words, "--calibration", "--calibration-picture", picture)
    assert "calibration of" in out and f"the picture is {picture}" in out
    assert "Reliability of parts of points" in picture.read_text()
    found = json.loads(file.read_text())["calibration"]
    assert set(found) == {"parts of points"} | ({"categories"} if "no" in category else set())
    parts = found["parts of points"]
    assert 0 <= parts["error"] <= 1 and len(parts["count"]) == 15
    answers = sum(parts["count"])
    right = sum(n * share for n, share in zip(parts["count"], parts["accuracy"], strict=True))
    assert parts["accuracy_at"]["1.0"] == pytest.approx(right / answers)


def test_calibration_of_a_translated_model_leaves_categories_out(
    pcea: Run, tmp_path: Path, toys: Path
) -> None:
    sizes = {"depth": 1, "k": 4, "num": (16, 8), "fused": 16, "dims": (8, 8, 8), "hidden": (8, 8)}
    model = package.create_model("eat-seg-tiny", everyday_taxonomy(), num_points=32, **sizes)
    weights, said = tmp_path / "everyday.safetensors", "the categories are left out"
    save_model(model, weights)
    words = ("evaluate", weights, "--dataset", "gear", "--data-root", toys, "--calibration")
    out = pcea(*words, "--no-category")
    assert "parts of points" in out and said in out
    assert said not in pcea(*words)


def test_calibration_of_a_classifier(pcea: Run, classifier: Path, toys: Path) -> None:
    words = ("evaluate", classifier, "--data-root", toys)
    assert "categories" in pcea(*words, "--calibration")
    metrics = pcea(*words, "--corrupt", "jitter:2", "--metric", "calibration_error")
    assert "calibration error" in metrics


def test_figures_are_kept_if_the_picture_cannot_be_written(
    pcea: Run, classifier: Path, toys: Path, tmp_path: Path
) -> None:
    file, picture = tmp_path / "test.json", classifier / "model.safetensors" / "picture.png"
    words = ("evaluate", classifier, "--data-root", toys, "--json", file, "--calibration")
    assert str(picture) in pcea(*words, "--calibration-picture", picture, status=2)
    assert json.loads(file.read_text())["calibration"]["categories"]["count"]


def test_faithfulness(
    pcea: Run, segmenter: Path, toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pcea.explanation.faithfulness.curves.GIVEN", (0.5, 1.0))
    file, pictures = tmp_path / "test.json", tmp_path / "pictures"
    words = ("evaluate", segmenter, "--data-root", toys, "--json", file, "--faithfulness")
    out = pcea(*words, "--faithfulness-clouds", 3, "--faithfulness-pictures", pictures)
    assert "faithfulness of external attention: 3 clouds drawn with seed 0, 32 points" in out
    assert "curves.png, pointing.png, randomization.png are in" in out
    assert len(list(pictures.iterdir())) == 3
    figures = json.loads(file.read_text())
    assert figures["clouds"] == 6
    found = figures["faithfulness"]
    assert (found["kind"], found["clouds"], found["seed"]) == ("slots", 3, 0)
    for name in found["deletion"]:
        assert found["titles"][name] in out
    assert set(found["pointing"]) == {"slots", "saliency"}

    def interrupt(*_: object, **how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pcea.explanation.measure_faithfulness", interrupt)
    pcea(*words, status=130)
    kept = json.loads(file.read_text())
    assert kept == {name: value for name, value in figures.items() if name != "faithfulness"}


def test_a_whole_benchmark(pcea: Run, classifier: Path, toys: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    words = ("evaluate", classifier, "--data-root", toys, "--corrupt", "all", "--json", file)
    out = pcea(*words)
    assert "* approximation: " in out and "means over 19 corruptions" in out
    figures = json.loads(file.read_text())
    found = figures["corrupted"]
    assert len(found["corruptions"]) == 22
    marked = [name for name, each in found["corruptions"].items() if each["approximation"]]
    assert marked == ["density_inc", "lidar", "occlusion"]
    means = [
        each["mean"]["overall_accuracy"]
        for name, each in found["corruptions"].items()
        if name not in marked
    ]
    assert figures["overall_accuracy"] == pytest.approx(sum(means) / 19)
    assert set(found["benchmarks"]) == {"modelnet-c", "modelnet40-c"}
    assert found["benchmarks"]["modelnet-c"].keys() == {"mean_error"}  # no ModelNet40, no mCE


@pytest.mark.parametrize(
    ("stop", "status"), [(KeyboardInterrupt(), 130), (InputError("x.h5: truncated"), 2)]
)
def test_what_is_done_before_the_end_is_kept(
    pcea: Run,
    classifier: Path,
    toys: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop: BaseException,
    status: int,
) -> None:
    from pcea.evaluation import corrupted

    plain, calls = corrupted.evaluate, []

    def interrupted(*args: object, **how: object) -> object:
        calls.append(how)
        if len(calls) == 4:
            raise stop
        return plain(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(corrupted, "evaluate", interrupted)
    file = tmp_path / "part.json"
    words = ("evaluate", classifier, "--data-root", toys, "--corrupt", "jitter", "--json", file)
    out = pcea(*words, status=status)
    assert f"{stop}" in out and "what was measured before is kept" in out
    found = json.loads(file.read_text())["corrupted"]
    assert not found["complete"]
    assert list(found["corruptions"]["jitter"]["severities"]) == ["1", "2"]


def test_published_files_have_no_other_split(
    pcea: Run, classifier: Path, toys: Path, tmp_path: Path
) -> None:
    (tmp_path / "label.npy").touch()
    words = ("evaluate", classifier, "--data-root", toys, "--corrupt", tmp_path)
    assert "files are of the test split" in pcea(*words, "--split", "val", status=2)
    assert "files are of modelnet40, and the data set is toys" in pcea(*words, status=2)


def test_only_the_test_files_are_there(
    pcea: Run, segmenter: Path, toys: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(toys / "toys_normal", tmp_path / "toys_normal")
    for file in [*folder.glob("*/train*.txt"), *folder.glob("*/val*.txt")]:
        file.unlink()
    for split in ("train", "val"):
        (folder / "train_test_split" / f"shuffled_{split}_file_list.json").unlink()
    assert "6 clouds" in pcea("evaluate", segmenter, "--data-root", tmp_path)
    assert "val" in pcea("evaluate", segmenter, "--split", "val", "--data-root", tmp_path, status=2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--dataset shapes", "which the model does not know"),
        ("--dataset toyz", "did you mean 'toys'"),
        ("--split tset", "did you mean 'test'"),
        ("--device gpu", "--device gpu cannot be used: give cpu"),
        ("--device meta", "--device meta cannot be used"),
        ("--device meta:x", "--device meta:x cannot be used"),
        ("--batch-size 0", "--batch-size is 0"),
        ("--metric overall_acuracy", "did you mean 'overall_accuracy'"),
        ("--metric class_miou", "metric 'class_miou' is for segmentation"),
        ("--json .", "it is a folder"),
        ("--json {cls}/model.safetensors", "it is an input file; name another one"),
        ("--corrupt jiter", "did you mean 'jitter'"),
        ("--faithfulness-clouds 1", "--faithfulness-clouds is 1; it must be a whole number of at"),
        ("--faithfulness-clouds 5", "--faithfulness-clouds needs --faithfulness"),
        ("--calibration-picture a.png", "--calibration-picture needs --calibration"),
        ("--calibration --calibration-picture a.txt", "--calibration-picture a.txt: name a file"),
        ("--calibration --calibration-picture .", "--calibration-picture .: it is a folder"),
        ("--calibration --corrupt jitter", "on clean clouds: leave out --corrupt"),
        ("--faithfulness-pictures .", "--faithfulness-pictures needs --faithfulness"),
        ("--faithfulness --corrupt jitter", "--faithfulness is measured on clean clouds"),
        ("--corrupt jitter:6", "jitter:6: a severity is 1, 2, 3, 4 or 5"),
        ("--corrupt .", "holds no published corrupted clouds"),
        ("--corrupt ./missing", "--corrupt ./missing: there is no such folder"),
    ],
)
def test_wrong_options(pcea: Run, classifier: Path, toys: Path, words: str, reason: str) -> None:
    given = words.format(cls=classifier).split()
    assert reason in pcea("evaluate", classifier, "--data-root", toys, *given, status=2)


def test_parts_that_differ(pcea: Run, segmenter: Path, toys: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(toys / "toys_normal", tmp_path / "toys_normal")
    names = ["Ball/top", "Ball/bottom", "Box/top", "Box/bottom"]
    (folder / "parts.json").write_text(json.dumps(names))
    err = pcea("evaluate", segmenter, "--data-root", tmp_path, status=2)
    assert "other parts of 'Ball'" in err


def test_missing_data(pcea: Run, classifier: Path, tmp_path: Path) -> None:
    err = pcea("evaluate", classifier, "--data-root", tmp_path / "none", status=2)
    assert "no data set 'toys'" in err


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 100])
def test_broken_weights(pcea: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    err = pcea("evaluate", tmp_path, status=2)
    assert f"cannot read weights {file}: it is damaged, or no .safetensors file; give a run" in err


def test_truncated_weights(pcea: Run, classifier: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes((classifier / "model.safetensors").read_bytes()[:-100])
    assert "cannot read weights" in pcea("evaluate", file, status=2)


def test_truncated_data(pcea: Run, classifier: Path, tmp_path: Path) -> None:
    folder = tmp_path / "modelnet40_ply_hdf5_2048"
    folder.mkdir()
    (folder / "test_files.txt").write_text("ply_data_test0.h5\n")
    file = folder / "ply_data_test0.h5"
    with h5py.File(file, "w") as archive:
        archive["data"] = np.zeros((40, 16, 3), np.float32)
        archive["label"] = np.arange(40)[:, None]
    file.write_bytes(file.read_bytes()[:2000])
    words = ("evaluate", classifier, "--dataset", "modelnet40", "--data-root", tmp_path)
    assert "truncated" in pcea(*words, "--json", tmp_path / "x.json", status=2)
    assert not (tmp_path / "x.json").exists()
