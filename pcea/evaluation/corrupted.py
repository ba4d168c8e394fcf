"""Measuring a model on corrupted clouds, and the measures of the published benchmarks."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from pcea.datasets.clouds import Clouds
from pcea.datasets.corrupted_files import CorruptedFiles, require_file
from pcea.datasets.dataset import PointCloudDataset, Task
from pcea.datasets.modelnet40 import WITH_ITS_TEST
from pcea.errors import InputError, checked
from pcea.evaluation.evaluate import evaluate, sample_of
from pcea.evaluation.metrics import STANDARD, check_metrics
from pcea.models import PointModel, WrappedModel
from pcea.transforms.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    corrupt,
    corruption_sets,
    read_conditions,
)

# The version of :meth:`CorruptedResult.summary`.
FORMAT = 1
ON_THE_FLY = "made on the fly"
# Accuracies of DGCNN on ModelNet-C, the means over five severities, from the authors' code.
DGCNN_CLEAN = 0.926
DGCNN = {
    "scale": 0.906,
    "jitter": 0.684,
    "rotate": 0.785,
    "dropout_global": 0.752,
    "dropout_local": 0.793,
    "add_global": 0.705,
    "add_local": 0.725,
}

# Metrics by name; those of each category are a mapping of their own.
Figures = dict[str, Any]


@dataclass
class CorruptedResult:
    """The figures of a model on clean and on corrupted clouds, in 0..1.

    Args:
        task: of the model.
        dataset: its name.
        clean: the figures without corruption.
        figures: by corruption and severity.
        lacks: of each corruption that is an approximation, what it lacks; these stay out of means
            over several corruptions.
        source: of each corruption, where its clouds come from.
    """

    task: Task
    dataset: str
    clean: Figures
    figures: dict[str, dict[int, Figures]] = field(default_factory=dict)
    lacks: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)

    @property
    def comparable(self) -> list[str]:
        """The corruptions that are no approximations; of nothing else, the approximations."""
        return [name for name in self.figures if name not in self.lacks] or list(self.figures)

    def mean(self, name: str) -> Figures:
        """The means of a corruption's figures over its severities."""
        return mean_figures(list(self.figures[name].values()))

    @property
    def means(self) -> Figures:
        """The means over all comparable corruptions of :meth:`mean`."""
        return mean_figures([self.mean(name) for name in self.comparable])

    @property
    def accuracy(self) -> float:
        """The corrupted accuracy: the mean overall accuracy, or instance mIoU of a segmenter.

        It is the mean over the severities, and then over all comparable corruptions.
        """
        return float(self.means[STANDARD[self.task][0]])

    def benchmarks(self) -> dict[str, dict[str, float]]:
        """The published measures of each benchmark all of whose comparable sets were evaluated."""
        found = {}
        for benchmark, names in corruption_sets().items():
            complete = all(set(self.figures.get(name, ())) == set(SEVERITIES) for name in names)
            if complete:
                figure = STANDARD[self.task][0]
                means = {name: self.mean(name)[figure] for name in names if name not in self.lacks}
                measures = MEASURES.get(benchmark, mean_error)
                found[benchmark] = measures(self.clean[figure], means, self.dataset)
        return found

    def summary(self) -> dict[str, Any]:
        """Everything as plain values, as it stands in JSON files."""
        return {
            "format": FORMAT,
            "clean": self.clean,
            "corruptions": {
                name: {
                    "source": self.source[name],
                    "approximation": self.lacks.get(name),
                    "mean": self.mean(name),
                    "severities": {str(level): overall(each) for level, each in found.items()},
                }
                for name, found in self.figures.items()
            },
            "benchmarks": self.benchmarks(),
        }


def overall(figures: Figures) -> dict[str, float]:
    """Leave out the figures of categories."""
    return {key: value for key, value in figures.items() if not isinstance(value, Mapping)}


def mean_figures(several: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average each figure, and those of each category where a value is a mapping."""
    mean = {}
    for key, value in several[0].items():
        values = [each[key] for each in several]
        mean[key] = mean_figures(values) if isinstance(value, Mapping) else fmean(values)
    return mean


def mean_error(clean: float, means: Figures, dataset: str) -> dict[str, float]:
    """The mean error, over the severities and then over the corruptions."""
    return {"mean_error": 1 - fmean(means.values())} if means else {}


def modelnet_c(clean: float, means: Figures, dataset: str) -> dict[str, float]:
    """Give mCE and RmCE, relative to DGCNN, whose accuracies are known on ModelNet40's test alone.

    Source: Ren et al., *Benchmarking and Analyzing Point Cloud Classification under Corruptions*.
    """
    found = mean_error(clean, means, dataset)
    if dataset in WITH_ITS_TEST:
        worse = [(1 - means[name]) / (1 - DGCNN[name]) for name in DGCNN]
        lost = [(clean - means[name]) / (DGCNN_CLEAN - DGCNN[name]) for name in DGCNN]
        found |= {"mce": fmean(worse), "rmce": fmean(lost)}
    return found


MEASURES = {"modelnet-c": modelnet_c}


@checked(num_points=1)
def evaluate_corrupted(
    model: PointModel | WrappedModel,
    data: PointCloudDataset,
    names: Sequence[str] = ("modelnet-c",),
    severities: Sequence[int] = SEVERITIES,
    *,
    num_points: int | None = None,
    metrics: Sequence[str] = (),
    files: Sequence[CorruptedFiles] = (),
    **how: Any,
) -> CorruptedResult:
    """Measure a model on clean and on corrupted clouds.

    Args:
        model: the model.
        data: the split.
        names: corruptions, sets of them, such as ``modelnet-c`` and ``modelnet40-c``, or ``all``;
            each may end in a severity, as ``jitter:3``.
        severities: of those without a severity.
        num_points: points of each cloud that the model takes. Default: as in training.
        metrics: further metrics.
        files: published files, which replace clouds made on the fly.
        **how: ``votes``, ``batch_size`` and ``use_category`` of :func:`pcea.evaluation.evaluate`.

    Raises:
        InputError: a name or a severity does not exist, there are none, a file is missing, files
            are of other categories than the model's, or as :func:`pcea.evaluation.evaluate`.
    """
    check_metrics(metrics, model.task)
    conditions = [each for name in names for each in read_conditions(name, severities)]
    if not conditions:
        raise InputError("nothing is measured without a corruption and a severity: name some")
    num_points = num_points or model.info.num_points
    return list(measure(model, data, conditions, num_points, metrics, files, **how))[-1]


def measure(
    model: PointModel | WrappedModel,
    data: PointCloudDataset,
    conditions: Sequence[tuple[str, int]],
    num_points: int,
    metrics: Sequence[str] = (),
    files: Sequence[CorruptedFiles] = (),
    **how: Any,
) -> Iterator[CorruptedResult]:
    """Yield the same result after each condition is measured, and first after clean clouds."""
    published = {each.benchmark: each for each in files}
    for name, severity in conditions:
        if (source := published.get(CORRUPTIONS.get(name).benchmark or "")) is not None:
            require_file(source.file(name, severity))
            if model.info.taxonomy.categories != source.categories:
                raise InputError(
                    f"{source.folder}: its clouds are of other categories than those of "
                    f"{model.info.name!r}"
                )
    clean = evaluate(model, data.clouds, num_points, **how).summary(metrics)
    result = CorruptedResult(model.task, data.name, clean)
    yield result

    def make(name: str, severity: int) -> tuple[Clouds, str, str]:
        """Make or read clouds, and say where they come from and what they lack."""
        entry = CORRUPTIONS.get(name)
        if entry.benchmark in published:
            source = published[entry.benchmark]
            return source.read(name, severity), f"files in {source.folder}", ""
        clouds = corrupt(data.clouds, name, severity, num_points, sample_of(model))
        return clouds, ON_THE_FLY, entry.approximates(data.clouds, num_points)

    wanted = list(dict.fromkeys(conditions))
    # The next clouds are made while the model takes these, on processors that would wait.
    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(make, *each) for each in wanted[:1]]
        for place, (name, severity) in enumerate(wanted, start=1):
            clouds, result.source[name], lacks = ahead.pop().result()
            ahead += [pool.submit(make, *each) for each in wanted[place : place + 1]]
            if lacks:
                result.lacks[name] = lacks
            found = evaluate(model, clouds, clouds.longest, **how)
            result.figures.setdefault(name, {})[severity] = found.summary(metrics)
            yield result
