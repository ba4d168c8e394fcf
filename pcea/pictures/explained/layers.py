"""Some columns of every layer."""

from matplotlib.figure import Figure

from pcea.formats import Mesh
from pcea.pictures.explained import DrawnExplanation, register_picture
from pcea.pictures.figures import grid

# Columns of each layer.
PER_LAYER = 6
# With more faces than this, it would take minutes to carry all columns to the vertices.
HEAVY = 200_000


@register_picture("layers")
def draw(drawn: DrawnExplanation) -> Figure:
    """Draw one row per layer, for a mesh of many faces on the sampled points."""
    found = drawn.found
    heavy = isinstance(found.shape, Mesh) and len(found.shape.faces) > HEAVY
    rows = []
    for layer in found.maps:
        columns = found.columns(layer.layer, PER_LAYER)
        rows.append(drawn.panels(columns, [layer.columns[each.index] for each in columns], heavy))
    names = [f"layer {each.layer}" for each in found.maps]
    return grid(rows, names, title=drawn.title, style=drawn.colored)
