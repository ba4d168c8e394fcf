"""The importance of points for the prediction."""

from typing import TYPE_CHECKING

import torch

from pcea.explanation import importance
from pcea.explanation.importance import own_parts
from pcea.viewer.panels.base import Columns, Panel, register_panel

if TYPE_CHECKING:
    from pcea.viewer.study import Study


@register_panel("importance")
class ImportancePanel(Panel):
    """One choice per target, the predicted one first."""

    rank = 2
    choice = "of"
    on_disk = 1

    def choices(self, study: "Study") -> tuple[str, ...]:
        """The likeliest categories, or the predicted parts of the category, the largest first."""
        if study.model.task == "classification":
            return tuple(name for name, _ in study.prediction)
        found, parts = study.explanation, study.model.info.taxonomy.parts
        count = own_parts(found, found.category_id).flatten().bincount()
        order = count.argsort(descending=True, stable=True)[: int((count > 0).sum())]
        return tuple(parts[part] for part in order.tolist())

    def values(self, study: "Study", choice: int) -> Columns:
        """The columns ``critical``, ``nearby`` and ``saliency``, where the model has them."""
        target = self.choices(study)[choice]
        up = study.explanation.up
        found = importance(study.model, study.shape, target, votes=study.votes, up=up)
        named = {"critical": found.critical, "nearby": found.nearby, "saliency": found.saliency}
        # Only a model that pools the maximum has critical points.
        known = {name: each for name, each in named.items() if not each.isnan().any()}
        values = torch.stack(list(known.values()), dim=-1)[None]  # (1, P, K)
        title = f"importance for {found.target}"
        return Columns(title, values, tuple(known), signed=("saliency",))
