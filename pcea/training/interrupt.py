"""Let Ctrl-C wait for the end of the step, the same step in all processes."""

import signal
import threading
import time
from contextlib import ExitStack
from types import FrameType

import torch
from accelerate import Accelerator

# How often the processes query each other about signals.
QUERY_SECONDS = 1.0
# A launcher may pass on a signal that the terminal has already sent to its processes.
SAME_SIGNAL_SECONDS = 2.0


class Interrupt(ExitStack):
    """While entered, notes the first SIGINT or SIGTERM; a second one interrupts at once.

    If one process stopped alone, the others would wait for it forever. So the processes query each
    other about once a second, at the same steps.
    """

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        super().__init__()
        self.requested = False
        several = accelerator is not None and accelerator.num_processes > 1
        self._others = accelerator if several else None
        self._agreed = False
        self._noted = 0.0
        self._step, self._next, self._time = 0, 0, time.monotonic()

    def __enter__(self) -> "Interrupt":
        # Only the main thread may handle signals; elsewhere Ctrl-C keeps its usual meaning.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.callback(signal.signal, number, signal.signal(number, self._note))
        return self

    def stops(self, step: int, now: bool = False) -> bool:
        """Tell, after a step, whether training stops; all processes get the same answer.

        The processes query each other about once a second, and always if ``now`` is true.
        """
        if self._others is None:
            return self.requested
        if not self._agreed and (now or step >= self._next):
            clock = time.monotonic()
            pace = (clock - self._time) / max(1, step - self._step)  # seconds per step
            own = torch.tensor([[float(self.requested), pace]], device=self._others.device)
            requested, pace = self._others.gather(own).amax(0).tolist()  # that of the slowest
            self._agreed = bool(requested)
            self._step, self._time = step, clock
            self._next = step + max(1, int(QUERY_SECONDS / max(pace, 1e-6)))
        return self._agreed

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self.requested:
            self._noted = time.monotonic()
        elif self._others is None or time.monotonic() > self._noted + SAME_SIGNAL_SECONDS:
            raise KeyboardInterrupt("interrupted twice: the last saved state is kept")
        self.requested = True
