"""The attention maps of the layers."""

from typing import TYPE_CHECKING

from pcea.viewer.panels.base import Columns, Panel, register_panel

if TYPE_CHECKING:
    from pcea.viewer.study import Study


@register_panel("attention")
class AttentionPanel(Panel):
    """One choice per layer, one column per slot or query point."""

    rank = 1
    choice = "layer"

    def choices(self, study: "Study") -> tuple[str, ...]:
        """The layers."""
        return tuple(f"layer {each.layer}" for each in study.explanation.maps)

    def values(self, study: "Study", choice: int) -> Columns:
        """The attention map of a layer."""
        layer = study.explanation.maps[choice]
        return Columns(f"layer {layer.layer}", layer.values, layer.columns, layer.query)
