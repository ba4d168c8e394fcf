#!/usr/bin/env python3
"""Count the lines of Python in each folder of the package, at two commits or more.

    scripts/count_lines.py c221ac0 HEAD

Blank lines, comments and docstrings count. The table is the one of docs/architecture.md.
"""

import io
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]


def lines_by_folder(commit: str) -> Counter[str]:
    """Count the lines of each folder of ``pcea`` at a commit; ``pcea/*.py`` is one entry."""
    command = ["git", "archive", "--format=tar", commit, "pcea"]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    found: Counter[str] = Counter()
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        for member in files:
            path = PurePosixPath(member.name)
            if path.suffix == ".py":
                folder = f"pcea/{path.parts[1]}" if len(path.parts) > 2 else "pcea/*.py"
                file = files.extractfile(member)
                assert file is not None
                found[folder] += file.read().count(b"\n")
    return found


def table(commits: list[str]) -> str:
    """Make a Markdown table with one row per folder, and two sums."""
    counts = [lines_by_folder(commit) for commit in commits]
    folders = sorted(set().union(*counts))
    rows = [(f"`{name}`", [each[name] for each in counts]) for name in folders]
    sums = [each.total() for each in counts]
    without = [each.total() - each["pcea/benchmarks"] for each in counts]
    rows += [("all", sums), ("all without `pcea/benchmarks`", without)]
    head = [f"| folder | {' | '.join(commits)} |", "|---|" + "---:|" * len(commits)]
    return "\n".join(
        head + [f"| {name} | {' | '.join(f'{n:,}' for n in numbers)} |" for name, numbers in rows]
    )


if __name__ == "__main__":
    print(table(sys.argv[1:] or ["HEAD"]))
