"""Contestants that take a known time on a clock that only they move."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from pcea.benchmarks.measure import Contestant


@dataclass
class FakeClock:
    """Seconds that pass only when a contestant says so, and who ran when."""

    now: float = 0.0
    ran: list[str] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def contestant(
        self, name: str, takes: Callable[[int], float], result: Any = None, **more: Any
    ) -> Contestant:
        """One whose call number i, from 0, takes ``takes(i)`` seconds."""

        def build() -> Callable[[], Any]:
            calls = iter(range(10_000))

            def call() -> Any:
                self.ran.append(name)
                self.now += takes(next(calls))
                return result

            return call

        return Contestant(name, build, **more)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
