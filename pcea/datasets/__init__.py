"""Data sets of labeled clouds. Every module is imported, to register its data sets."""

from pcea.datasets.archive import fetch, import_archive
from pcea.datasets.cache import cached
from pcea.datasets.check import Report, check
from pcea.datasets.clouds import Batch, Clouds
from pcea.datasets.dataset import PointCloudDataset
from pcea.datasets.layout import Archive, Layout, Source, register_dataset
from pcea.datasets.loading import list_datasets, load_dataset
from pcea.datasets.taxonomy import Taxonomy
from pcea.registry import import_modules

__all__ = [
    "Archive",
    "Batch",
    "Clouds",
    "Layout",
    "PointCloudDataset",
    "Report",
    "Source",
    "Taxonomy",
    "cached",
    "check",
    "fetch",
    "import_archive",
    "list_datasets",
    "load_dataset",
    "register_dataset",
]

import_modules(__name__, __path__)
