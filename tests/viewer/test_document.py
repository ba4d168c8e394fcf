"""A page on disk is the page in memory, written a shape at a time."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pcea.formats import Cloud
from pcea.viewer.document import Content, NothingToShow, of_shape, page, write_page


class _Tracked(dict):  # type: ignore[type-arg]
    """A dict that can be watched."""


def _content(name: str) -> Content:
    return of_shape(Cloud(torch.rand(20, 3), name=name), "y", [])


def test_the_file_is_the_page(tmp_path: Path) -> None:
    shapes = [_content(name) for name in ("a", "</script> & b", "椅子")]
    write_page(tmp_path / "page.html", iter(shapes), dark=True)
    assert (tmp_path / "page.html").read_text("utf-8") == page(shapes, dark=True)


def test_each_shape_is_gone_before_the_next_is_made(tmp_path: Path) -> None:
    alive: list[weakref.ref[_Tracked]] = []

    def shapes() -> Iterator[Content]:
        for i in range(4):
            gc.collect()
            assert not any(each() for each in alive)
            content = _Tracked(_content(str(i)))
            alive.append(weakref.ref(content))
            yield content
            del content

    write_page(tmp_path / "page.html", shapes())
    assert len(alive) == 4


def test_no_shape_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(NothingToShow, match="there is no shape to show"):
        write_page(tmp_path / "page.html", [])
    assert not list(tmp_path.iterdir())


def test_a_fault_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def shapes() -> Iterator[Content]:
        yield _content("a")
        raise RuntimeError("in the middle")

    (tmp_path / "page.html").write_text("before")
    with pytest.raises(RuntimeError, match="in the middle"):
        write_page(tmp_path / "page.html", shapes())
    assert (tmp_path / "page.html").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 1
