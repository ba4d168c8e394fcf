"""Trackers: callbacks that record a run, named in recipes and by ``--tracker``.

Every module of this folder is imported here, so that it can register its tracker.
"""

from pcea.registry import Registry, import_modules
from pcea.training.callbacks import Callback

TRACKERS: Registry[type[Callback]] = Registry("tracker", "pcea.trackers")
register_tracker = TRACKERS.register

import_modules(__name__, __path__)
