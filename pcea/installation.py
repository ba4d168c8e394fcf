"""Detect files of another distribution among those of this package.

On PyPI the name ``pcea`` belongs to another project, whose folder is called ``PCEA``. On a file
system that ignores case, this is the same folder as ours, and pip installs both into it.
"""

import sys
from pathlib import Path

from pcea.version import __version__

_HOW = (
    "run 'pip uninstall pcea', then install this package again from its clone: scripts/setup, or "
    "'pip install --force-reinstall --no-deps .'"
)


def mixed_files(folder: Path = Path(__file__).parent) -> str:
    """Say in one line that files are mixed and what to do; empty if they are not."""
    package = sys.modules["pcea"]
    if getattr(package, "__version__", None) != __version__:
        return f"{package.__file__} belongs to another project called pcea: {_HOW}"
    for metadata in folder.parent.glob("[Pp][Cc][Ee][Aa]-*.dist-info"):
        record = metadata / "RECORD"
        lines = record.read_text("utf-8").splitlines() if record.is_file() else []
        tops = {folder.parent / line.partition("/")[0] for line in lines}
        if any(top.is_dir() and top.samefile(folder) for top in tops):
            other = metadata.stem.replace("-", " ")
            return f"{folder} also holds files of the distribution {other}: {_HOW}"
    return ""
