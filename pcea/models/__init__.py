"""Point transformers for classification and part segmentation."""

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
