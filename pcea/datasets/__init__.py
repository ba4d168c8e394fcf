"""Data sets: splits of labelled clouds as tensors, and the folders and archives they come from."""

from pcea.datasets.clouds import Batch, Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.loading import list_datasets, load_dataset
from pcea.datasets.taxonomy import Taxonomy

__all__ = ["Batch", "Clouds", "PointCloudDataset", "Taxonomy", "list_datasets", "load_dataset"]
