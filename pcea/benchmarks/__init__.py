"""Side-by-side measurements: this package, what else there is, and what the machine could do."""

from pcea.benchmarks.limits import Limits, count_operations, measure_limits
from pcea.benchmarks.machine import describe_machine
from pcea.benchmarks.measure import Contest, Contestant, Measured, NotInstalled, Row, compare
from pcea.benchmarks.report import Finding

__all__ = [
    "Contest",
    "Contestant",
    "Finding",
    "Limits",
    "Measured",
    "NotInstalled",
    "Row",
    "compare",
    "count_operations",
    "describe_machine",
    "measure_limits",
]
