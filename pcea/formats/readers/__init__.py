"""One file for each file format; every file of this folder is imported, and registers itself."""

from pcea.registry import import_modules

import_modules(__name__, __path__)
