"""Trackers: callbacks by name, which follow a run elsewhere; recipes and ``--tracker`` name them.

Every module of this folder is imported here, so a file that registers a tracker joins by lying
beside the others.
"""

import importlib
import pkgutil

from pcea.registry import Registry
from pcea.training.callbacks import Callback

TRACKERS: Registry[type[Callback]] = Registry("tracker", "pcea.trackers")
register_tracker = TRACKERS.register

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
