"""``pcea classify``: what a file shows."""

from __future__ import annotations

from dataclasses import dataclass

from pcea.cli.command import OnFiles, register_command
from pcea.cli.output import percent, say_table
from pcea.cli.weights import at_least_one, open_as
from pcea.defaults import CLASSIFY_VOTES


@register_command("classify")
@dataclass(frozen=True, kw_only=True)
class Classify(OnFiles):
    """Name what meshes and clouds show."""

    top: int = 5
    """How many categories to name."""
    votes: int = CLASSIFY_VOTES
    """How many samplings of a shape are averaged."""

    def run(self) -> int:
        """Classify the files."""
        from pcea.formats import read
        from pcea.models import Classifier

        at_least_one(top=self.top, votes=self.votes)
        batch = self.batch()
        model = open_as(Classifier, self.weights, self.device, self.keep_strays)
        results, rows = [], list[tuple[str, ...]]()
        for file, _ in batch:
            with batch.trying(file):
                found = model.predict(read(file), self.votes, self.up)
                best = found.best(self.top)
                results.append(
                    {
                        "file": str(file),
                        "up": found.up,
                        "up_confidence": found.up_confidence,
                        "categories": [{"name": name, "probability": p} for name, p in best],
                        "notes": batch.tell(file, found.notes),
                    }
                )
                head = str(file), found.up + ("" if found.up_confidence is None else " (guessed)")
                for name, probability in best:
                    rows.append((*head, name, percent(probability)))
                    head = "", ""
        if results:
            say_table(("file", "up", "category", "probability"), rows)
        self.write_summary(model, batch, results, votes=self.votes)
        return batch.status
