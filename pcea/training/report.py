"""A run as one page: ``report.html``."""

from __future__ import annotations

from pcea.datasets import PointCloudDataset
from pcea.recipes import Recipe
from pcea.training.run_folder import RunFolder


def write_report(run: RunFolder, held_out: PointCloudDataset, recipe: Recipe) -> None:
    """placeholder"""
