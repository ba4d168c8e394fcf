"""Another distribution is called pcea, too: its files among ours are noticed."""

import subprocess
import sys
from pathlib import Path

import pytest

import pcea
from pcea.cli import main
from pcea.installation import mixed_files

OURS = Path(pcea.__file__).parent


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages that holds this one."""
    (tmp_path / "pcea").mkdir()
    for entry in OURS.iterdir():
        (tmp_path / "pcea" / entry.name).symlink_to(entry)
    return tmp_path


def install(site: Path, *files: str, name: str = "pcea-0.1.1") -> None:
    """Write what pip leaves of a distribution with these files."""
    (site / f"{name}.dist-info").mkdir()
    lines = [f"{file},sha256=0,1\n" for file in (*files, f"{name}.dist-info/RECORD")]
    (site / f"{name}.dist-info" / "RECORD").write_text("".join(lines))


def test_nothing_is_said_of_this_package_alone(site: Path) -> None:
    install(site, "pcea/__init__.py", name="pcea_pointcloud-0.1.0")
    assert mixed_files() == mixed_files(site / "pcea") == ""


def test_a_folder_of_its_own_disturbs_nobody(site: Path) -> None:
    (site / "OTHER").mkdir()
    install(site, "OTHER/__init__.py", "OTHER/cea.py")
    assert mixed_files(site / "pcea") == ""


def test_a_list_of_files_that_is_missing_tells_nothing(site: Path) -> None:
    (site / "pcea-0.1.0.dist-info").mkdir()
    assert mixed_files(site / "pcea") == ""


def test_files_in_the_same_folder_are_named_with_the_way_out(site: Path) -> None:
    # A file system that takes PCEA for pcea has one folder under both names.
    if not (site / "PCEA").exists():
        (site / "PCEA").symlink_to(site / "pcea")
    install(site, "PCEA/__init__.py", "PCEA/cea.py", name="PCEA-0.1.1")
    line = mixed_files(site / "pcea")
    assert f"{site / 'pcea'} also holds files of the distribution PCEA 0.1.1" in line
    assert "pip uninstall pcea" in line and "\n" not in line


def test_python_and_the_command_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pcea.installation.mixed_files", lambda: "two projects are mixed")
    monkeypatch.delitem(vars(pcea), "read", raising=False)
    with pytest.raises(ImportError, match="two projects are mixed"):
        pcea.read  # noqa: B018
    assert main(["data", "list"]) == 2
    assert capsys.readouterr().err == "pcea: two projects are mixed\n"


def test_the_command_notices_that_the_package_itself_was_overwritten(site: Path) -> None:
    (site / "pcea" / "__init__.py").unlink()
    (site / "pcea" / "__init__.py").write_text("CEA = None\n")
    code = "from pcea.cli import main; raise SystemExit(main(['data', 'list']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=site, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and done.stdout == ""
    assert "__init__.py belongs to another project called pcea: run 'pip uninstall" in done.stderr
