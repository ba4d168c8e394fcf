"""The readers, one file per file format; every file of this folder is imported, to register it."""

from pcea.registry import import_modules

import_modules(__name__, __path__)
