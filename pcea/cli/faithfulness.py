"""The tables of how faithful the maps of a model are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcea.cli.output import percent, say, say_table

if TYPE_CHECKING:
    from pcea.explanation.faithfulness import Difference, Faithfulness


def say_faithfulness(found: Faithfulness) -> None:
    """Print the figures: the curves' areas, the pointing game, the shuffled weights."""
    from pcea.explanation.faithfulness import GAMES, TITLES

    say(
        f"faithfulness of {found.attention} attention: {found.clouds} clouds drawn with seed "
        f"{found.seed}, {found.num_points} points each, {found.repeats} random orders of each cloud"
    )
    for title, curves in (("deletion", found.deletion), ("insertion", found.insertion)):
        baselines = list(next(iter(curves.values())).over)
        headers = [f"{title} by", "probability area", "accuracy area"]
        headers += [f"better than {TITLES[each]}" for each in baselines]
        rows = [
            [
                TITLES[name],
                f"{each.probability_area:.3f}",
                f"{each.accuracy_area:.3f}",
                *(_gain(each.over.get(baseline)) for baseline in baselines),
            ]
            for name, each in curves.items()
        ]
        say_table(headers, rows, numbers=len(headers) - 1)
    if found.pointing:
        games = [
            (
                GAMES[name],
                f"{game.trials:,}",
                *(
                    "–" if share is None else percent(share)
                    for share in (game.hits, game.shuffled_weights, game.chance)
                ),
            )
            for name, game in found.pointing.items()
        ]
        say_table(("pointing game", "trials", "hits", "all weights shuffled", "chance"), games, 4)
    rows = [
        [TITLES[name], *(f"{round(value, 2) + 0.0:.2f}" for value in values)]
        for name, values in found.correlation.items()
    ]
    blocks = [f"+ {block}" if i else block for i, block in enumerate(found.blocks)]
    say_table(("correlation, weights shuffled of", *blocks), rows, len(blocks))
    for note in found.notes:
        say(f"note: {note}")


def _gain(difference: Difference | None) -> str:
    if difference is None:
        return "–"
    return f"{difference.mean:+.3f} ± {difference.margin:.3f}"
