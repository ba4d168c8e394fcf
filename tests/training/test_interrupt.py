import os
import signal
import threading
from typing import Any

import pytest
import torch

from pcea.training import interrupt as module
from pcea.training.interrupt import Interrupt


class Clock:
    """Time that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)


class Two:
    """Two processes, of which a test says what the other answers."""

    num_processes, device = 2, torch.device("cpu")

    def __init__(self) -> None:
        self.other, self.queries = [0.0, 0.0], 0

    def gather(self, own: Any) -> Any:
        self.queries += 1
        return torch.cat([own, torch.tensor([self.other])])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_interrupts(number: int) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupt() as interrupt:
        assert not interrupt.requested and not interrupt.stops(1, now=True)
        os.kill(os.getpid(), number)
        assert interrupt.requested and interrupt.stops(1)
        with pytest.raises(KeyboardInterrupt, match="twice"):
            os.kill(os.getpid(), number)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_a_launcher_passes_on_is_the_same_signal(clock: Clock) -> None:
    with Interrupt(Two()) as interrupt:  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGINT)
        clock.now += 0.1
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.requested
        clock.now += 5
        with pytest.raises(KeyboardInterrupt, match="twice"):
            os.kill(os.getpid(), signal.SIGINT)


def test_one_process_that_is_to_stop_stops_the_others() -> None:
    two = Two()
    with Interrupt(two) as interrupt:  # type: ignore[arg-type]
        assert not interrupt.stops(1, now=True)
        two.other = [1.0, 0.0]
        assert interrupt.stops(2, now=True)
        assert not interrupt.requested
        two.other = [0.0, 0.0]
        assert interrupt.stops(3), "what was agreed stays agreed"


def test_processes_query_each_other_about_once_a_second_of_the_slowest(clock: Clock) -> None:
    two = Two()
    with Interrupt(two) as interrupt:  # type: ignore[arg-type]
        queried_at = []
        for step in range(1, 401):
            clock.now += 0.01
            # The other process takes twelve times as long, which counts.
            two.other = [0.0, 0.125]
            before = two.queries
            interrupt.stops(step)
            if two.queries > before:
                queried_at.append(step)
    assert queried_at == list(range(1, 401, 8))


def test_slow_steps_are_each_followed_by_a_query(clock: Clock) -> None:
    two = Two()
    with Interrupt(two) as interrupt:  # type: ignore[arg-type]
        for step in range(1, 6):
            clock.now += 7
            interrupt.stops(step)
    assert two.queries == 5


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), Interrupt():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone() -> None:
    before, found = signal.getsignal(signal.SIGINT), []

    def enter() -> None:
        with Interrupt() as interrupt:
            found.append((signal.getsignal(signal.SIGINT), interrupt.requested))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [(before, False)]
