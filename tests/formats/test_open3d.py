import builtins
import ctypes
import importlib
import sys
from types import ModuleType
from typing import Any

import pytest

from pcea.errors import InputError
from pcea.formats.open3d import _preload_libusb, import_open3d


def test_open3d_starts_on_a_bare_machine(open3d: ModuleType) -> None:
    assert len(open3d.geometry.PointCloud().points) == 0


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module named 'open3d'", name="open3d"), "missing: pip install op"),
        (
            ModuleNotFoundError("No module named 'dash'", name="dash"),
            "needs dash: pip install dash",
        ),
        (
            ImportError("libusb-1.0.so.0: cannot open shared object file"),
            "does not start .*: pip install libusb-package$",
        ),
        (OSError("libX11.so.6: cannot open\nshared object file"), "libX11.so.6: cannot open shar"),
    ],
)
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(name: str) -> ModuleType:
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(InputError, match=message) as caught:
        import_open3d()
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux looks for a system's libusb")
@pytest.mark.parametrize("installed", [True, False])
def test_libusb_comes_from_its_package_where_the_system_has_none(
    monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    loaded: list[str] = []

    def load(name: str, mode: int = 0) -> None:
        if name == "libusb-1.0.so.0":
            raise OSError("no such library")
        loaded.append(name)
        assert mode == ctypes.RTLD_GLOBAL

    real_import = builtins.__import__

    def find(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "libusb_package" and not installed:
            raise ImportError(name)
        return real_import(name, *arguments, **options)

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(builtins, "__import__", find)
    _preload_libusb()
    assert [name.rpartition("/")[2].startswith("libusb") for name in loaded] == [True] * installed
