"""Data sets: splits of labelled clouds as tensors, and the folders and archives they come from."""

from pcea.datasets.archive import fetch, import_archive
from pcea.datasets.check import Report, check
from pcea.datasets.clouds import Batch, Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.loading import list_datasets, load_dataset
from pcea.datasets.taxonomy import Taxonomy

__all__ = [
    "Batch",
    "Clouds",
    "PointCloudDataset",
    "Report",
    "Taxonomy",
    "check",
    "fetch",
    "import_archive",
    "list_datasets",
    "load_dataset",
]
