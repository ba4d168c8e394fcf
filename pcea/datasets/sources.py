"""What is known of the published archives: where they were, their hashes, terms and counts."""

from __future__ import annotations

from dataclasses import dataclass

from pcea.datasets.modelnet40 import CATEGORIES
from pcea.datasets.parts import SHAPENETPART

_STANFORD = "https://shapenet.cs.stanford.edu/media"


@dataclass(frozen=True)
class Archive:
    """A published file.

    Args:
        url: where it was last seen.
        md5: of its bytes; None where nobody wrote it down, and only the content can be checked.
    """

    url: str
    md5: str | None = None


@dataclass(frozen=True)
class Source:
    """A published data set.

    Args:
        title: its full name.
        terms: what its licence allows.
        archives: the original first, then mirrors.
        counts: official clouds of each split.
        per_category: official clouds of each category, in category order, where known.
    """

    title: str
    terms: str
    archives: tuple[Archive, ...]
    counts: dict[str, int]
    per_category: dict[str, dict[str, int]]


def _by_category(names: tuple[str, ...], counts: str) -> dict[str, int]:
    return dict(zip(names, map(int, counts.split()), strict=True))


SOURCES = {
    "modelnet40": Source(
        title="ModelNet40, 2,048 points a shape, HDF5 (Wu et al. 2015; Qi et al. 2017)",
        terms="academic use (modelnet.cs.princeton.edu)",
        archives=(
            Archive(
                f"{_STANFORD}/modelnet40_ply_hdf5_2048.zip", "c9ab8e6dfb16f67afdab25e155c79e59"
            ),
            Archive(
                "https://github.com/ma-xu/pointMLP-pytorch/releases/download/Modenet40_dataset/"
                "modelnet40_ply_hdf5_2048.zip"
            ),
            Archive(
                "https://huggingface.co/datasets/Msun/modelnet40/resolve/main/"
                "modelnet40_ply_hdf5_2048.zip",
                "5ae9e37d1527ff1500e41a7e9e2d50e4",
            ),
        ),
        counts={"trainval": 9840, "test": 2468},
        per_category={
            "trainval": _by_category(
                CATEGORIES,
                "625 106 515 173 572 335 64 197 889 167 79 137 200 109 200 149 171 155 145 124 "
                "149 284 465 200 88 231 239 104 115 128 680 124 90 392 163 344 267 475 87 103",
            ),
            "test": _by_category(
                CATEGORIES,
                "100 50 100 20 100 100 20 100 100 20 20 20 86 20 86 20 100 100 20 20 "
                "20 100 100 86 20 100 100 20 100 20 100 20 20 100 20 100 100 100 20 20",
            ),
        },
    ),
    "shapenetpart": Source(
        title="ShapeNetPart with normals (Yi et al. 2016)",
        terms="non-commercial research and education (shapenet.org)",
        archives=(
            Archive(f"{_STANFORD}/shapenetcore_partanno_segmentation_benchmark_v0_normal.zip"),
        ),
        counts={"train": 12137, "val": 1870, "test": 2874},
        per_category={
            "test": _by_category(
                SHAPENETPART.categories, "341 14 11 158 704 14 159 80 286 83 51 38 44 12 31 848"
            )
        },
    ),
}
