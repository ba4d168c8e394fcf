"""``pcea evaluate``: measure a model on a data set."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from pcea.cli.calibration import calibrations_of, say_calibration, summary_of
from pcea.cli.command import DataRoot, Device, register_command
from pcea.cli.corrupted import CorruptedRun
from pcea.cli.files import check_out, spare_inputs
from pcea.cli.output import busy, say, say_figures
from pcea.cli.parsing import check_file, check_picture
from pcea.cli.weights import open_model
from pcea.defaults import FAITHFULNESS_CLOUDS
from pcea.errors import InputError, checked
from pcea.version import __version__

if TYPE_CHECKING:
    from pcea.datasets import PointCloudDataset
    from pcea.evaluation import Calibration
    from pcea.explanation import Faithfulness
    from pcea.models import PointModel


@register_command("evaluate")
@checked(votes=1, num_points=1, batch_size=1, faithfulness_clouds=2)
@dataclass(frozen=True)
class Evaluate:
    """Measure a model on a split of a data set."""

    weights: Annotated[Positional[str], arg(metavar="WEIGHTS")]
    """The model: a run folder, a .safetensors file, or the name of one that ships."""
    dataset: Annotated[str | None, arg(metavar="NAME")] = None
    """Data set; None: the one that the model was trained on."""
    split: str = "test"
    """train, val, trainval or test."""
    data_root: DataRoot = None
    votes: int = 1
    """How many samplings of each cloud are averaged."""
    num_points: Annotated[int | None, arg(metavar="INT")] = None
    """Points of each cloud that the model takes; None: as in training."""
    batch_size: int = 32
    """Clouds at a time."""
    category: bool = True
    """Whether a part segmenter is given the category of each shape."""
    keep_strays: bool = False
    """Whether to keep isolated points, which are left out otherwise."""
    corrupt: Annotated[str | None, arg(metavar="NAME[:SEVERITY]")] = None
    """Also measure on corrupted clouds. NAME is a corruption;
    modelnet-c, which is add_global, add_local,
    dropout_global, dropout_local, jitter, rotate and
    scale; modelnet40-c, which is background, cutout,
    density, density_inc, distortion, distortion_rbf,
    distortion_rbf_inv, gaussian, impulse, lidar,
    occlusion, rotation, shear, uniform and upsampling;
    or all. SEVERITY is 1 to 5; without it, as in
    --corrupt all, each corruption is measured at all
    five. A folder with the published files of a
    benchmark is taken, too."""
    metric: Annotated[tuple[str, ...], arg(metavar="NAME …")] = ()
    """Further metrics, such as those of plug-ins."""
    calibration: bool = False
    """Also measure calibration: of the answers with a probability of 80 %, four in five should be
    right."""
    calibration_picture: Annotated[Path | None, arg(metavar="FILE")] = None
    """Also draw the calibration in this PNG, SVG or PDF file."""
    faithfulness: bool = False
    """Also measure whether attention, critical points and saliency tell what decides."""
    faithfulness_clouds: Annotated[int | None, arg(metavar="INT")] = None
    """How many clouds of the split are drawn for that; None: 100, or all if there are fewer."""
    faithfulness_pictures: Annotated[Path | None, arg(metavar="DIR")] = None
    """Also draw these measurements in this folder: curves.png, pointing.png, randomization.png."""
    device: Device = None
    json: Annotated[Path | None, arg(metavar="FILE")] = None
    """Also write the figures to this JSON file."""

    def run(self) -> None:
        """Evaluate the model."""
        from pcea.datasets import load_dataset
        from pcea.evaluation import evaluate, fit_to
        from pcea.evaluation.metrics import check_metrics
        from pcea.formats import write_json
        from pcea.models import PointModel

        check_file(json=self.json)
        spare_inputs([self.weights], json=self.json)
        self._check_calibration()
        self._check_faithfulness()
        calibrations: dict[str, Calibration] = {}
        corrupted = None if self.corrupt is None else CorruptedRun(self.corrupt, self.split)
        model = open_model(PointModel, self.weights, self.device, self.keep_strays)
        check_metrics(self.metric, model.task)
        name = self.dataset or model.info.dataset
        if name is None:
            raise InputError(f"{self.weights} does not say its data set: name one with --dataset")
        data = corrupted.clean(name) if corrupted is not None else None
        data = data or load_dataset(name, self.split, self.data_root)
        fitted = fit_to(model, data)
        if fitted is not model:
            if self.faithfulness:
                raise InputError(
                    "--faithfulness is measured by the model's own labels: give --dataset "
                    f"{model.info.dataset}, not {name}"
                )
            say(f"the parts of {name} are translated to the common names of everyday.yaml")
        num_points = self.num_points or model.info.num_points
        how: dict[str, Any] = {
            "votes": self.votes,
            "batch_size": self.batch_size,
            "use_category": self.category,
        }
        figures = {
            "task": model.task,
            "dataset": name,
            "split": self.split,
            "clouds": len(data),
            "weights": self.weights,
            "model": model.info.name,
            "votes": self.votes,
            "num_points": num_points,
            "keep_strays": self.keep_strays,
            **({"category_given": self.category} if model.task == "segmentation" else {}),
            "version": __version__,
        }
        say(
            f"{model.info.name} on {name} {self.split}: {len(data)} clouds, {num_points} points, "
            f"votes: {self.votes}"
        )
        if corrupted is not None:
            figures |= corrupted.measure(fitted, data, num_points, self.metric, self.data_root, how)
        else:
            with busy(f"{self.weights} on {len(data)} clouds"):
                result = evaluate(fitted, data.clouds, num_points, **how)
            figures |= result.summary(self.metric)
            say_figures(figures, data)
            if self.calibration:
                calibrations = calibrations_of(result)
                say_calibration(calibrations)
                if fitted is not model and not self.category:
                    say(
                        "the categories are left out: the translated model does not tell those of "
                        "one common name apart"
                    )
                figures["calibration"] = summary_of(calibrations)
        found: Faithfulness | None = None
        try:
            if self.faithfulness:
                found = self._measure_faithfulness(model, data, num_points)
                figures["faithfulness"] = found.summary()
        finally:  # after Ctrl-C, too, what was measured before is kept
            if self.json is not None:
                write_json(self.json, figures)
        title = f"{model.info.name} on {name} {self.split}"
        self._draw_calibration(calibrations, f"{title}, {len(data)} clouds")
        if found is not None:
            self._draw_faithfulness(found, title)
        if corrupted is not None and corrupted.stopped is not None:
            why = f"{corrupted.stopped}; " if str(corrupted.stopped) else ""
            raise type(corrupted.stopped)(f"{why}what was measured before is kept")

    def _check_calibration(self) -> None:
        """Refuse options that do not go together."""
        if self.calibration and self.corrupt is not None:
            raise InputError(
                "--calibration is measured on clean clouds: leave out --corrupt, or use "
                "--corrupt with --metric calibration_error"
            )
        if self.calibration_picture is not None and not self.calibration:
            raise InputError("--calibration-picture needs --calibration")
        check_picture(calibration_picture=self.calibration_picture)

    def _draw_calibration(self, found: "Mapping[str, Calibration]", title: str) -> None:
        """Draw the calibration if that is wanted."""
        if found and self.calibration_picture is not None:
            from pcea.pictures.calibration import draw_calibration
            from pcea.pictures.files import save

            save(draw_calibration(found, title), self.calibration_picture)
            say(f"the picture is {self.calibration_picture}")

    def _check_faithfulness(self) -> None:
        """Refuse options that do not go together."""
        if self.faithfulness:
            if self.corrupt is not None:
                raise InputError("--faithfulness is measured on clean clouds: leave out --corrupt")
        elif self.faithfulness_clouds is not None:
            raise InputError("--faithfulness-clouds needs --faithfulness")
        elif self.faithfulness_pictures is not None:
            raise InputError("--faithfulness-pictures needs --faithfulness")
        if self.faithfulness_pictures is not None:
            check_out(self.faithfulness_pictures, "--faithfulness-pictures")

    def _measure_faithfulness(
        self, model: "PointModel", data: "PointCloudDataset", num_points: int
    ) -> "Faithfulness":
        """Measure and print how faithful the maps are."""
        from pcea.cli.faithfulness import say_faithfulness
        from pcea.explanation import measure_faithfulness

        with busy(f"the maps of {self.weights}"):
            found = measure_faithfulness(
                model,
                data.clouds,
                num_clouds=self.faithfulness_clouds or FAITHFULNESS_CLOUDS,
                num_points=num_points,
                batch_size=max(self.batch_size, 2),  # which BatchNorm's statistics need
                use_category=self.category,
            )
        say_faithfulness(found)
        return found

    def _draw_faithfulness(self, found: "Faithfulness", title: str) -> None:
        """Draw the figures if that is wanted."""
        from pcea.pictures.faithfulness import save_faithfulness

        if self.faithfulness_pictures is not None:
            title = f"{title}, {found.clouds} clouds"
            names = save_faithfulness(found, self.faithfulness_pictures, title)
            say(f"{', '.join(names)} are in {self.faithfulness_pictures}")
