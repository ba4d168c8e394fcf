"""What the page says beside the picture, as HTML."""

from __future__ import annotations

from html import escape

import torch

from pcea.pictures.colormaps import colors_of
from pcea.viewer.paint import Legend, Range
from pcea.viewer.study import Study

_BOX = "margin: 0.25em 0.5em 0.75em; font-size: 0.875em; line-height: 1.5; overflow-wrap: anywhere"
_ROW = "display: flex; gap: 0.5em; align-items: center; font-variant-numeric: tabular-nums"
_SWATCH = "flex: none; width: 0.85em; height: 0.85em; border-radius: 2px"


def line(text: str) -> str:
    """Write a line, or nothing where there is none."""
    return f'<div role="status" style="{_BOX}">{escape(text)}</div>' if text else ""


def predicted(study: Study) -> str:
    """Write what the model takes a shape for, and what to know of the file."""
    rows = "".join(_row(name, share) for name, share in study.prediction)
    up = f"; {study.up} is up" if study.up != "y" else ""
    notes = "".join(f"<div>{escape(note)}</div>" for note in study.notes)
    return f'<div style="{_BOX}"><b>{escape(study.title)}{up}</b>{rows}{notes}</div>'


def describe(key: Range | Legend | None) -> str:
    """Write what the colors mean."""
    if key is None:
        return ""
    if isinstance(key, Legend):
        rows = "".join(_row(name, share, rgb) for name, rgb, share in key.entries)
        return f'<div style="{_BOX}"><b>{escape(key.title)}</b>{rows}</div>'
    stops = colors_of(torch.linspace(0, 1, 17), 0, 1, key.map).tolist()
    bar = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in stops)
    return (
        f'<div style="{_BOX}"><b>{escape(key.title)}</b>'
        f'<div style="height: 0.9em; border-radius: 2px; margin: 0.3em 0 0.1em;'
        f' background: linear-gradient(to right, {bar})"></div>'
        f'<div style="{_ROW}; justify-content: space-between">'
        f"<span>≤ {key.low:.3g}</span><span>≥ {key.high:.3g}</span></div></div>"
    )


def _row(name: str, share: float, rgb: tuple[int, int, int] | None = None) -> str:
    color = "" if rgb is None else f"background: rgb({rgb[0]}, {rgb[1]}, {rgb[2]})"
    swatch = f'<span style="{_SWATCH}; {color}"></span>' if color else ""
    return (
        f'<div style="{_ROW}">{swatch}<span style="flex: 1">{escape(name)}</span>'
        f"<span>{100 * share:.1f} %</span></div>"
    )
