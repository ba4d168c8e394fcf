"""Trackers: callbacks by name, which follow a run elsewhere; recipes and ``--tracker`` name them.

Every module of this folder is imported here, so a file that registers a tracker joins by lying
beside the others.
"""

from pcea.registry import Registry, import_modules
from pcea.training.callbacks import Callback

TRACKERS: Registry[type[Callback]] = Registry("tracker", "pcea.trackers")
register_tracker = TRACKERS.register

import_modules(__name__, __path__)
