import os
import pickle
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from pcea.errors import InputError
from pcea.recipes import RECIPES, get_recipe
from pcea.training.run_folder import RunFolder
from pcea.version import __version__


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "deep" / "run")
    folder.create(get_recipe("shapes-cls"), "/data", {"done": 0})
    folder.save_state({"done": 0})
    return folder


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    recipe = replace(
        RECIPES[name],
        lr=1e-5,
        attention_options={"slots": 8, "tied": True},
        model_options={
            "hidden": [16, 8],
            "num": (256, 128),
            "deep": ((1, 2.5), ({"pair": (None, True)}, "none"), ()),
            "dropout": None,
            "own": False,
        },
    )
    folder = RunFolder(tmp_path / "run")
    folder.create(recipe, None, {})
    folder.save_state({})
    described = folder.describe()
    assert (described["recipe"], described["data_root"]) == (recipe, None)
    assert described["recipe"].model_options["num"] == (256, 128)
    folder.check(recipe, ())


def test_recipes_of_older_runs_are_read(run: RunFolder) -> None:
    described = yaml.safe_load(run.recipe.read_text())
    del described["recipe"]["transforms"]
    old = {"scale": [0.8, 1.25], "translate": 0.1, "jitter": 0.0, "rotate": 0.0}
    described["recipe"] |= {**old, "drop_points": 0.0}
    run.recipe.write_text(yaml.safe_dump(described))
    assert run.describe()["recipe"] == get_recipe("shapes-cls")


def test_the_recipe_says_where_it_comes_from(run: RunFolder) -> None:
    described = run.describe()
    assert described["data_root"] == "/data"
    versions = described["versions"]
    assert versions["pcea"] == __version__ and versions["torch"] == str(torch.__version__)
    assert {"python", "machine"} <= set(versions)


def test_the_commit_is_that_of_this_code_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed inside somebody's repository, their commit says nothing of this code."""
    from pcea.training import run_folder

    site = tmp_path / ".venv" / "pcea" / "training"
    site.mkdir(parents=True)
    (site / "run_folder.py").touch()
    (tmp_path / "theirs.txt").touch()
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "theirs.txt"], [*who, "commit", "-qm", "theirs"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    monkeypatch.setattr(run_folder, "__file__", str(site / "run_folder.py"))
    assert run_folder._commit() is None


def test_an_existing_run_is_refused(run: RunFolder) -> None:
    before = run.recipe.read_bytes()
    with pytest.raises(InputError, match="holds a run already: resume it with --resume"):
        run.create(get_recipe("shapes-seg"), None, {})
    assert run.recipe.read_bytes() == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        RunFolder(tmp_path / "file" / "run").create(get_recipe("shapes-cls"), None, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "recipe: [1, 2]",
        "recipe: {name: x}",
        "recipe: {scale: [1, 2], color: red}",
        "recipe: {name: x, dataset: shapes, model: eat, scale: 3}",
        "{ not: yaml\n  at: all\n",
        "recipe: !!python/object/apply:os.system ['echo no']",
        "\x00\x01",
    ],
)
def test_a_broken_recipe_is_refused_in_one_line(run: RunFolder, text: str) -> None:
    run.recipe.write_text(text)
    with pytest.raises(InputError, match=r"recipe\.yaml") as caught:
        run.describe()
    assert "\n" not in str(caught.value)


def test_no_run_to_resume(tmp_path: Path, run: RunFolder) -> None:
    with pytest.raises(InputError, match="no run to resume"):
        RunFolder(tmp_path / "nothing").check_resumable()
    run.state.unlink()
    with pytest.raises(InputError, match="no run to resume"):
        run.check_resumable()


def test_states_come_back_as_they_were(run: RunFolder) -> None:
    state = {"model": {"w": torch.rand(3), "n": torch.tensor(3)}, "average": None, "loss": 0.1}
    run.save_state(state)
    back = run.load_state()
    assert torch.equal(back["model"]["w"], state["model"]["w"])
    assert back["average"] is None and back["loss"] == 0.1
    assert [path.name for path in run.state.parent.iterdir()] == ["state.pt"]


def test_a_failing_write_keeps_the_old_state(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run.state.read_bytes()

    def fail(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((OSError, InputError), match="No space left"):
        run.save_state({"done": 1})
    monkeypatch.undo()
    assert run.state.read_bytes() == before
    assert [path.name for path in run.state.parent.iterdir()] == ["state.pt"]


class Malicious:
    """Unpickled carelessly, it makes a folder."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_strangers_pickle_runs_nothing(run: RunFolder, tmp_path: Path, how: str) -> None:
    target = tmp_path / "owned"
    if how == "torch":
        torch.save({"done": Malicious(target)}, run.state)
    else:
        run.state.write_bytes(pickle.dumps({"done": Malicious(target)}))
    with pytest.raises(InputError, match="cannot resume from") as caught:
        run.load_state()
    assert not target.exists()
    assert "\n" not in str(caught.value) and "trust" not in str(caught.value)


def test_broken_states_are_refused(run: RunFolder, generator: torch.Generator) -> None:
    run.save_state({"model": {"w": torch.rand(50)}, "done": 3})
    whole = run.state.read_bytes()
    noise = bytes(torch.randint(256, (300,), generator=generator).tolist())
    for content in (b"", b"\x80", b"hello world", noise, whole[:100], whole[: len(whole) // 2]):
        run.state.write_bytes(content)
        with pytest.raises(InputError, match="cannot resume from") as caught:
            run.load_state()
        assert "\n" not in str(caught.value)
    run.save_state({"done": 1})
    torch.save([1, 2], run.state)
    with pytest.raises(InputError, match="cannot resume from"):
        run.load_state()


def test_metrics_survive_a_line_cut_off(run: RunFolder) -> None:
    assert run.read_metrics() == []
    for epoch in (1, 2, 3):
        run.append_metrics({"epoch": epoch, "loss": 0.1 * epoch})
    with run.metrics.open("a") as file:
        file.write('{"epoch": 4, "lo')
    assert [row["epoch"] for row in run.read_metrics()] == [1, 2, 3]
    run.truncate_metrics(2)
    run.append_metrics({"epoch": 3, "loss": 0.5})
    assert [row["loss"] for row in run.read_metrics()] == [0.1, 0.2, 0.5]


def test_folders_hold_plain_text(run: RunFolder) -> None:
    described = yaml.safe_load(run.recipe.read_text())
    assert list(described) == ["recipe", "data_root", "versions", "commit", "chosen"]
    assert list(described["recipe"])[:3] == ["name", "dataset", "model"]
