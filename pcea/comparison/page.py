"""Write a comparison to its folder: the table, all figures, the pictures and the page."""

import base64
from pathlib import Path

from matplotlib.figure import Figure

from pcea.comparison.faithful import faithfulness_text
from pcea.comparison.pictures import draw_costs, draw_curves, draw_maps
from pcea.comparison.statistics import Difference
from pcea.comparison.table import NOTHING, Comparison
from pcea.formats import ShapeLike, replacing, write_json
from pcea.pictures import save
from pcea.training.report import as_svg, write_page

DETAILS = ["over seeds, points", "over clouds, points", "t-test", "McNemar", "seeds needed"]


def write_comparison(found: Comparison, shape: ShapeLike) -> Path:
    """Write the table as Markdown and CSV, everything as JSON, the pictures, and the page.

    ``shape`` is what the maps are drawn on. It returns the path of the page.
    """
    out = found.grid.out
    maps_text = f"{faithfulness_text(found.faithful)}\n" if found.faithful else None
    texts = {
        "table.md": f"{found.text()}\n",
        "figures.csv": found.csv(),
        "faithfulness.md": maps_text,
    }
    for name, text in texts.items():
        if text is None:
            (out / name).unlink(missing_ok=True)  # one of before would not belong to this table
            continue
        with replacing(out / name) as file:
            file.write(text.encode())
    write_json(out / "comparison.json", found.as_dict())
    costs, curves, maps = draw_costs(found), draw_curves(found), draw_maps(found, shape)
    figures: dict[str, Figure | None] = {"costs": costs, "curves": curves, "maps": maps}
    for name, figure in figures.items():
        picture = out / f"{name}.png"
        if figure is None:
            picture.unlink(missing_ok=True)
        else:
            save(figure, picture)
    titles, cells = found.table()
    page = out / "index.html"
    write_page(
        *(page, Path(__file__).with_name("page.html"), {}),
        found=found,
        titles=titles,
        cells=cells,
        detail_titles=["attention", *DETAILS],
        details=[[row.label, *_details(row.difference)] for row in found.rows if row.difference],
        costs=as_svg(costs, "accuracy against the time of a training step"),
        curves=as_svg(curves, "validation by epoch"),
        maps=None if maps is None else base64.b64encode((out / "maps.png").read_bytes()).decode(),
    )
    return page


def _details(found: Difference) -> list[str]:
    def interval(ends: tuple[float, float] | None) -> str:
        return NOTHING if ends is None else f"{100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}"

    chances = "; ".join(f"{a}:{b}, p = {p:.2g}" for a, b, p in found.mcnemar)
    return [
        interval(found.over_seeds),
        interval(found.over_clouds),
        NOTHING if found.p_seeds is None else f"p = {found.p_seeds:.2g}",
        chances or NOTHING,
        NOTHING if found.needed is None else str(found.needed),
    ]
