"""The parts that a segmenter predicts."""

from typing import TYPE_CHECKING

from pcea.pictures.palette import part_colors
from pcea.viewer.panels.base import Panel, Parts, register_panel

if TYPE_CHECKING:
    from pcea.models import Segmentation
    from pcea.viewer.study import Study


@register_panel("parts")
class PartsPanel(Panel):
    """The parts of the likeliest category."""

    rank = 0

    def choices(self, study: "Study") -> tuple[str, ...]:
        """One choice, the parts; none for a classifier."""
        found = study.explanation.parts
        return () if found is None else (_title(found),)

    def values(self, study: "Study", choice: int) -> Parts:
        """The parts, in the colors of ``pcea segment``."""
        found = study.explanation.parts
        assert found is not None
        taxonomy = found.taxonomy
        own = taxonomy.parts_of[taxonomy.category_id(found.category)]
        names = tuple(taxonomy.parts[part].rpartition("/")[2] for part in own)
        colors = part_colors(len(taxonomy.parts), taxonomy.parts_of)[list(own)]
        return Parts(_title(found), names, colors, found.sample_probability)


def _title(found: "Segmentation") -> str:
    return "parts, the category is unsure" if found.unsure else f"parts of {found.category}"
