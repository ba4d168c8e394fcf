"""The columns of an explanation that are worth a picture."""

from matplotlib.figure import Figure

from pcea.pictures.explained import DrawnExplanation, register_picture
from pcea.pictures.figures import gallery


@register_picture("gallery")
def draw(drawn: DrawnExplanation) -> Figure:
    """Draw the gallery, each column with its own range of colors."""
    columns = drawn.found.gallery
    panels = drawn.panels(columns, [each.name for each in columns])
    return gallery(panels, title=drawn.title, style=drawn.colored)
