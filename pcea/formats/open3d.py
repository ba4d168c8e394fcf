"""Import Open3D, also on machines without the system library that it needs."""

import ctypes
import importlib
import sys
from contextlib import suppress
from types import ModuleType

from pcea.errors import InputError


def import_open3d() -> ModuleType:
    """Import Open3D on first use; if a library is missing, an InputError names it."""
    # Open3D needs the system's libusb (for depth cameras), which minimal Linux machines lack; the
    # Python package libusb-package has one under the same name.
    if sys.platform == "linux" and "open3d" not in sys.modules:
        _preload_libusb()
    try:
        return importlib.import_module("open3d")
    except ModuleNotFoundError as error:
        if error.name != "open3d":
            raise InputError(f"Open3D needs {error.name}: pip install {error.name}") from error
        package = "open3d-cpu" if sys.platform == "linux" else "open3d"
        raise InputError(f"this needs Open3D, which is missing: pip install {package}") from error
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        hint = ": pip install libusb-package" if "libusb" in reason else ""
        raise InputError(f"Open3D does not start ({reason}){hint}") from error


def _preload_libusb() -> None:
    with suppress(ImportError, OSError):  # Open3D's own error names what is missing
        try:
            ctypes.CDLL("libusb-1.0.so.0")
        except OSError:
            import libusb_package

            ctypes.CDLL(str(libusb_package.get_library_path()), ctypes.RTLD_GLOBAL)
