"""What ``pcea evaluate --corrupt`` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcea.cli.output import percent, say, say_figures, say_table, track
from pcea.errors import InputError

if TYPE_CHECKING:
    from pcea.datasets import PointCloudDataset
    from pcea.evaluation import CorruptedResult
    from pcea.models import PointModel, WrappedModel

MEASURES = {"mean_error": "mean error", "mce": "mCE", "rmce": "RmCE"}


class CorruptedRun:
    """Measures corruptions, and prints what was found.

    Args:
        wanted: the option's value: a name, or the path of a folder of published files.
        split: the split that is evaluated.

    Raises:
        InputError: there is no such corruption or folder, or it has no files of this split.
    """

    def __init__(self, wanted: str, split: str) -> None:
        from pcea.datasets.corrupted_files import corrupted_files
        from pcea.transforms.corruptions import condition_names, read_conditions

        self.wanted, self.split = wanted, split
        # What ended the measurement early.
        self.stopped: KeyboardInterrupt | InputError | None = None
        named = not wanted or wanted.partition(":")[0] in condition_names()
        folder = not named and Path(wanted).expanduser().is_dir()
        if not named and not folder and "/" in wanted:
            raise InputError(f"--corrupt {wanted}: there is no such folder")
        self.files = [corrupted_files(wanted)] if folder else []
        if self.files and split != "test":
            raise InputError(f"--corrupt {wanted}: the published files are of the test split")
        self.conditions = read_conditions(self.files[0].benchmark if self.files else wanted)

    def clean(self, name: str) -> "PointCloudDataset | None":
        """Read the clean clouds among files that were named; None if there are none.

        Raises:
            InputError: files were named, and the data set ``name`` is not the one of their clouds.
        """
        from pcea.datasets import PointCloudDataset
        from pcea.datasets.modelnet40 import CATEGORIES, WITH_ITS_TEST
        from pcea.datasets.taxonomy import Taxonomy

        if self.files and name not in WITH_ITS_TEST:
            raise InputError(
                f"--corrupt {self.wanted}: the published files are of modelnet40, and the data set "
                f"is {name}; name another with --dataset"
            )
        for clouds in (each.clean() for each in self.files):
            if clouds is not None:
                return PointCloudDataset(clouds, Taxonomy(CATEGORIES), name, self.split)
        return None

    def measure(
        self,
        model: "PointModel | WrappedModel",
        data: "PointCloudDataset",
        num_points: int,
        metrics: Sequence[str],
        root: Path | None,
        how: dict[str, Any],
    ) -> dict[str, Any]:
        """Measure and print all, and return what stands in the JSON file.

        If Ctrl-C or a damaged file ends the measurement, this is what was measured before, and
        :attr:`stopped` says why.
        """
        from pcea.datasets.corrupted_files import find_corrupted_files
        from pcea.evaluation.corrupted import measure

        if not self.files and (data.name, self.split) == ("modelnet40", "test"):
            self.files = find_corrupted_files(root)
        steps = measure(model, data, self.conditions, num_points, metrics, self.files, **how)
        result: CorruptedResult | None = None
        try:
            for done in track(steps, total=1 + len(self.conditions)):
                result = done
        except (KeyboardInterrupt, InputError) as error:
            if result is None or not result.figures:
                raise
            self.stopped = error
        assert result is not None
        self._say(result, data)
        return {**result.means, "corrupted": {"complete": self.stopped is None, **result.summary()}}

    def _say(self, result: "CorruptedResult", data: "PointCloudDataset") -> None:
        from pcea.evaluation.metrics import STANDARD

        figure = STANDARD[result.task][0]
        levels = sorted({level for each in result.figures.values() for level in each})
        rows = [("none", *[""] * len(levels), percent(result.clean[figure]))]
        for name, found in result.figures.items():
            each = [percent(found[level][figure]) if level in found else "" for level in levels]
            marked = f"{name} *" if name in result.lacks else name
            rows.append((marked, *each, percent(result.mean(name)[figure])))
        severities = [f"severity {level}" for level in levels]
        titles = (f"{figure.replace('_', ' ')} after", *severities, "mean")
        say_table(titles, rows, numbers=len(levels) + 1)
        for text, reasons in (("* approximation", result.lacks), ("clouds", result.source)):
            for reason in dict.fromkeys(reasons.values()):
                names = [name for name, own in reasons.items() if own == reason]
                say(f"{text}: {reason} ({', '.join(names)})")
        rows = [
            (
                benchmark,
                MEASURES.get(name, name),
                percent(x) if name == "mean_error" else f"{x:.3f}",
            )
            for benchmark, measures in result.benchmarks().items()
            for name, x in measures.items()
        ]
        if rows:
            say_table(("benchmark", "measure", "value"), rows)
        if self.split != "test" and any(name == MEASURES["mce"] for _, name, _ in rows):
            say(f"note: mCE and RmCE refer to DGCNN on the test split, and this is {self.split}")
        number = len(result.comparable)
        say(f"means over {number} corruption{'s' if number > 1 else ''}:")
        say_figures(result.means, data)
