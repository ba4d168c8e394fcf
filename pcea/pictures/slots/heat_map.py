"""Which slot singles out which part."""

from matplotlib.figure import Figure

from pcea.pictures.charts import INK
from pcea.pictures.slots import DrawnSlots, register_slot_picture


@register_slot_picture("parts")
def heat_map(drawn: DrawnSlots) -> Figure | None:
    """Draw how well slots single out parts: one column per part of the categories.

    The rows are the slots that single out a part best, in the order of the parts. There is no
    picture if no part is labeled.
    """
    statistics, taxonomy = drawn.statistics, drawn.statistics.taxonomy
    ids = [
        part
        for category in drawn.categories
        for part in (taxonomy.parts_of[category] if taxonomy.parts else ())
        if not bool(statistics.auc[:, part].isnan().all())
    ]
    if not ids:
        return None
    rows = list(dict.fromkeys(statistics.auc[:, ids].nan_to_num(0).argmax(0).tolist()))
    values, chosen = statistics.auc[rows][:, ids], [statistics.slots[row] for row in rows]
    # The title and the label of the bar need room even if there are few parts.
    size = (max(5.0, 3.0 + 0.36 * len(ids)), max(3.8, 2.4 + 0.26 * len(chosen)))
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    image = axes.imshow(values.numpy(), vmin=0, vmax=1, cmap="coolwarm", aspect="auto")
    axes.set_xticks(range(len(ids)), [taxonomy.parts[i] for i in ids], rotation=60, ha="right",
                    rotation_mode="anchor", fontsize=8)  # fmt: skip
    axes.set_yticks(range(len(chosen)), [each.name for each in chosen], fontsize=8)
    groups = [taxonomy.parts[i].partition("/")[0] for i in ids]
    for column in range(1, len(ids)):
        if groups[column] != groups[column - 1]:
            axes.axvline(column - 0.5, color="white", linewidth=3)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
    bar.set_label("area under the ROC curve (0.5: chance)", fontsize=8)
    bar.ax.tick_params(length=0, labelsize=8)
    bar.outline.set_visible(False)
    title = "For each part, the slot that singles it out best"
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    return figure
