"""Point transformers for classification and part segmentation.

Every module of this folder is imported here, so a new file only has to register its model.
"""

from pcea.models.attention_map import AttentionMap
from pcea.models.base import PointModel
from pcea.models.classifier import Classifier
from pcea.models.info import ModelInfo
from pcea.models.prediction import Prediction
from pcea.models.registry import create_model, list_models, register_model
from pcea.models.segmenter import Segmentation, Segmenter, competing, segmentation
from pcea.models.weights import list_pretrained, load_model, save_model
from pcea.models.wrapped import WrappedModel
from pcea.registry import import_modules

__all__ = [
    "AttentionMap",
    "Classifier",
    "ModelInfo",
    "PointModel",
    "Prediction",
    "Segmentation",
    "Segmenter",
    "WrappedModel",
    "competing",
    "create_model",
    "list_models",
    "list_pretrained",
    "load_model",
    "register_model",
    "save_model",
    "segmentation",
]

import_modules(__name__, __path__)
