"""Point transformers for classification and part segmentation.

Every module of this folder is imported here, so a file that registers a model joins by lying
beside the others.
"""

import importlib
import pkgutil

from pcea.models.base import PointModel
from pcea.models.classifier import Classifier
from pcea.models.importance import Importance, importance
from pcea.models.info import ModelInfo
from pcea.models.look import AttentionMap, Look
from pcea.models.pretrained import list_pretrained
from pcea.models.registry import create_model, list_models, register_model
from pcea.models.segmenter import Segmentation, Segmenter
from pcea.models.weights import load_model, save_model

__all__ = [
    "AttentionMap",
    "Classifier",
    "Importance",
    "Look",
    "ModelInfo",
    "PointModel",
    "Segmentation",
    "Segmenter",
    "create_model",
    "importance",
    "list_models",
    "list_pretrained",
    "load_model",
    "register_model",
    "save_model",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
