"""Which points decide the prediction."""

import torch
from matplotlib.figure import Figure

from pcea.defaults import TAILS
from pcea.pictures.colormaps import colors_of, limits
from pcea.pictures.explained import COLORMAP, DrawnExplanation, register_picture
from pcea.pictures.figures import Panel, gallery


@register_picture("importance")
def draw(drawn: DrawnExplanation) -> Figure | None:
    """Draw the share of pooled channels that points win, and gradient times input."""
    found = drawn.found.importance
    if found is None:
        return None
    nearby, saliency = drawn.carry(torch.stack([found.nearby, found.saliency], dim=1)).T
    top = limits(nearby, 0.0, tails=TAILS)[1]
    reach = limits(saliency, name="coolwarm", tails=TAILS)[1]
    won = f"share of the pooled channels won\nup to {top:.1f} × the mean"
    speaks = f"for (red), against (blue) {found.target}\ngradient × input, up to ± {reach:.3g}"
    panels = [
        Panel(drawn.shape, colors=colors_of(nearby, 0.0, top, COLORMAP), title=won),
        Panel(drawn.shape, colors=colors_of(saliency, -reach, reach, "coolwarm"), title=speaks),
    ]
    return gallery(panels, title=drawn.title, style=drawn.style)
