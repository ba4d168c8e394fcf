"""``pcea classify``: the category of shapes."""

from dataclasses import dataclass

from pcea.cli.command import OnFiles, register_command
from pcea.cli.output import percent, say_table
from pcea.cli.weights import open_model
from pcea.defaults import CLASSIFY_VOTES
from pcea.errors import checked

# How many categories an unsure answer names at least.
NEAREST = 3


@register_command("classify")
@checked(top=1, votes=1)
@dataclass(frozen=True, kw_only=True)
class Classify(OnFiles):
    """Classify meshes and clouds."""

    top: int = 5
    """How many categories to name."""
    votes: int = CLASSIFY_VOTES
    """How many samplings of a shape are averaged."""

    def run(self) -> int:
        """Classify the files."""
        from pcea.formats import read
        from pcea.models import Classifier

        batch = self.batch()
        model = open_model(Classifier, self.weights, self.device, self.keep_strays)
        rows = list[tuple[str, ...]]()
        for file, _ in batch:
            with batch.trying(file):
                found = model.predict(read(file), self.votes, self.up)
                best = found.best(max(self.top, NEAREST) if found.unsure else self.top)
                categories = [{"name": name, "probability": p} for name, p in best]
                batch.add(
                    *(file, found),
                    categories=categories,
                    unsure=found.unsure,
                    doubts=found.doubts,
                    strangeness=found.strangeness,
                )
                head = str(file), found.up + ("" if found.up_confidence is None else " (guessed)")
                if found.unsure:
                    rows.append((*head, "unsure", ""))
                    head = "", ""
                for name, probability in best:
                    rows.append((*head, name, percent(probability)))
                    head = "", ""
        if rows:
            say_table(("file", "up", "category", "probability"), rows)
        self.write_summary(model, batch, votes=self.votes)
        return batch.status
