"""Training methods: what a step of training computes, one file per method.

Every module of this folder is imported here, so a new file only has to register its method.
"""

from pcea.registry import import_modules
from pcea.training.methods.base import (
    TrainingMethod,
    create_method,
    list_methods,
    register_method,
)

__all__ = ["TrainingMethod", "create_method", "list_methods", "register_method"]

import_modules(__name__, __path__)
