"""The script that measures how long commands take, with a command that takes no time."""

import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "measure_start.py"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the script reads git")
def test_the_table_has_a_row_per_command(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "COMMANDS", {"version": ("--version",)})
    script.main(["HEAD", "--rounds", "1", "--commands", "version"])
    head, rule, row = capsys.readouterr().out.splitlines()
    assert head == "| command | HEAD: s | processor s |" and rule.count("---:") == 2
    name, *cells = row.strip("| ").split(" | ")
    assert name == "`version`" and all(0 < float(cell) < 60 for cell in cells)


def test_a_command_that_fails_ends_it(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        script.measure(tmp_path, ("no-such-command",))
