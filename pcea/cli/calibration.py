"""What ``pcea evaluate --calibration`` does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pcea.cli.output import percent, say_table

if TYPE_CHECKING:
    from pcea.evaluation import Calibration, Result

# Shares of the answers, the most confident ones, whose accuracy is printed.
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)


def calibrations_of(result: "Result") -> "dict[str, Calibration]":
    """The calibration of the categories, of the parts, or of both, by what the answers are."""
    from pcea.evaluation import (
        ClassificationResult,
        PartResult,
        category_calibration,
        part_calibration,
    )

    if isinstance(result, ClassificationResult):
        return {"categories": category_calibration(result)}
    assert isinstance(result, PartResult)
    found = {"parts of points": part_calibration(result)}
    if result.category_probability is not None:
        found["categories"] = category_calibration(result)
    return found


def say_calibration(found: "Mapping[str, Calibration]") -> None:
    """Print the errors, and the accuracy of the most confident answers."""
    rows = [
        (
            name,
            percent(each.error),
            f"{each.log_loss:.3f}",
            *(percent(each.accuracy_at(share)) for share in COVERAGES),
        )
        for name, each in found.items()
    ]
    shares = [f"{100 * share:.0f} %" for share in COVERAGES]
    titles = ("calibration of", "error", "log loss", "accuracy of all", *shares[1:])
    say_table(titles, rows, numbers=len(titles) - 1)


def summary_of(found: "Mapping[str, Calibration]") -> dict[str, Any]:
    """Everything as plain values, as it stands in JSON files."""
    return {
        name: {
            "error": each.error,
            "log_loss": each.log_loss,
            "risk_area": each.risk_area,
            "accuracy_at": {str(share): each.accuracy_at(share) for share in COVERAGES},
            "count": each.count.tolist(),
            "confidence": each.confidence.tolist(),
            "accuracy": each.accuracy.tolist(),
        }
        for name, each in found.items()
    }
