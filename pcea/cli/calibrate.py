"""``pcea calibrate``: make a model's probabilities true, and let it say when it is unsure."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from pcea.cli.calibration import say_calibration
from pcea.cli.command import DataRoot, Device, register_command
from pcea.cli.files import spare_inputs
from pcea.cli.output import busy, percent, say
from pcea.cli.parsing import check_file
from pcea.cli.weights import open_model
from pcea.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from pcea.evaluation import Trust


@register_command("calibrate")
@dataclass(frozen=True)
class Calibrate:
    """Make a model's probabilities true, and let it say when it is unsure.

    Both are learned from the training and the validation split of its data set. With a given up
    axis, no answer changes, only its probability. Of a segmenter, only the probability of the
    category changes.
    """

    weights: Annotated[Positional[str], arg(metavar="WEIGHTS")]
    """The model: a run folder, a .safetensors file, or the name of one that ships."""
    out: Annotated[Path, arg(metavar="FILE")]
    """The .safetensors file that is written."""
    dataset: Annotated[str | None, arg(metavar="NAME")] = None
    """Data set; None: the one that the model was trained on."""
    data_root: DataRoot = None
    device: Device = None

    def run(self) -> None:
        """Calibrate the model."""
        from pcea.datasets import load_dataset
        from pcea.evaluation import check_fit, make_trustworthy
        from pcea.models import PointModel, save_model

        if self.out.suffix != ".safetensors":
            raise InputError(f"--out {self.out} must end in .safetensors")
        check_file(out=self.out)
        spare_inputs([self.weights], out=self.out)
        model = open_model(PointModel, self.weights, self.device)
        name = self.dataset or model.info.dataset
        if name is None:
            raise InputError(f"{self.weights} does not say its data set: name one with --dataset")
        if model.info.training.get("train_split") == "trainval":
            raise InputError(
                f"{self.weights} was trained on its validation split, too: no split is left to "
                "calibrate it by"
            )
        train, val = (load_dataset(name, each, self.data_root) for each in ("train", "val"))
        check_fit(model, train)
        check_fit(model, val)
        before = model.info.category_temperature
        with busy(f"{self.weights} on {len(train) + len(val):,} clouds"):
            found = make_trustworthy(model, train.clouds, val.clouds, model.info.num_points)
        save_model(model, self.out)
        say_calibration({"before": found.before, "after": found.after})
        why = ": no validation answer is wrong" if found.all_right else ""
        again = "" if before == 1 else f", after {before:.3f} before"
        say(f"the logits of the categories are divided by {found.temperature:.3f}{why}{again}")
        say(
            f"of {len(val):,} validation clouds {percent(float(found.sure.double().mean()))} are "
            f"sure, and {_right(found, found.sure)} of these right; of the unsure ones "
            f"{_right(found, ~found.sure)}"
        )
        say(f"written: {self.out}")


def _right(found: "Trust", among: "Tensor") -> str:
    """Write the share of right answers among some."""
    return percent(float(found.right[among].double().mean())) if among.any() else "–"
