"""ShapeNetPart: 16 categories in 50 parts, in the layout of :mod:`pcea.datasets.parts`."""

from __future__ import annotations

from pathlib import Path

from pcea.datasets.layout import Archive, Source, per_category, register_dataset
from pcea.datasets.parts import SHAPENETPART, PartsFolder, is_official, read_categories

FOLDER = "shapenetcore_partanno_segmentation_benchmark_v0_normal"


@register_dataset("shapenetpart")
class ShapeNetPart(PartsFolder):
    """ShapeNetPart with normals; a folder with other categories is not taken for it."""

    source = Source(
        title="ShapeNetPart with normals (Yi et al. 2016)",
        terms="non-commercial research and education (shapenet.org)",
        archives=(Archive(f"https://shapenet.cs.stanford.edu/media/{FOLDER}.zip"),),
        counts={"train": 12137, "val": 1870, "test": 2874},
        per_category={
            "test": per_category(
                SHAPENETPART.categories, "341 14 11 158 704 14 159 80 286 83 51 38 44 12 31 848"
            )
        },
    )

    @property
    def folders(self) -> tuple[str, ...]:
        """The official archive's name, or the data set's own."""
        return (FOLDER, self.name)

    def recognizes(self, folder: Path) -> bool:
        """Tell whether all categories of a folder are ShapeNetPart's own."""
        return super().recognizes(folder) and is_official(read_categories(folder))
