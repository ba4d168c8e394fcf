"""What every test may lean on: one thread, and real data where it is at hand."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import pcea.registry
from pcea.errors import InputError
from pcea.formats.open3d import import_open3d

torch.set_num_threads(1)

# Plug-ins of whoever runs the tests are left out: only what this package has is tested here.
_entry_points = pcea.registry.entry_points
pcea.registry.entry_points = lambda group: (
    () if group.startswith("pcea.") else _entry_points(group=group)
)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that PCEA_TEST_DATA names; the test is skipped without it."""
    folder = os.environ.get("PCEA_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PCEA_TEST_DATA names no folder of real data")
    return Path(folder)


@pytest.fixture(scope="session")
def open3d() -> ModuleType:
    """Open3D; the test is skipped where the system lacks the graphics libraries it is linked to."""
    try:
        return import_open3d()
    except InputError as error:
        if any(name in str(error) for name in ("libEGL", "libGL", "libX11")):
            pytest.skip(str(error))
        raise


@pytest.fixture
def generator() -> torch.Generator:
    """A random generator with a fixed seed."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def use_threads() -> Iterator[Callable[[int], None]]:
    """A call that sets how many threads torch uses, until the test's end."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
