"""How the threads of a process share the machine, settled before torch begins.

OpenMP (in torch mostly GCC's libgomp) and the pools of numpy and SciPy read the environment once,
when they are loaded. Functions take a ``root`` folder, in which ``proc`` and ``sys`` lie.
"""

import math
import os
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path

# At the end of each parallel loop a thread checks so many times whether the others are done before
# it sleeps. By default it checks 300,000 times, and beside a process that keeps a core busy a step
# takes several times as long. 1,000 times cost an idle machine a little; 30,000 are too many.
SPIN_COUNT = 3000

# A user who has set one of these has decided about it.
WAITING = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
_COUNTING = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

_ROOT = Path("/")


def settle(environment: MutableMapping[str, str] = os.environ, root: Path = _ROOT) -> None:
    """Set what torch's threads are fastest with, unless the user has, or torch is there already."""
    if "torch" not in sys.modules:
        environment.update(missing(environment, root))


def missing(
    environment: MutableMapping[str, str] = os.environ, root: Path = _ROOT
) -> dict[str, str]:
    """The variables that would help and that nobody has set, with their values."""
    found: dict[str, str] = {}
    if sys.platform == "linux":
        if not any(name in environment for name in WAITING):
            found["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
        if not any(name in environment for name in _COUNTING):
            cores = allowed_cores(root)
            if cores is not None:
                found["OMP_NUM_THREADS"] = str(cores)
    return found


def too_late(environment: MutableMapping[str, str] = os.environ, root: Path = _ROOT) -> str:
    """Say in one line that torch was imported too early for the variables; empty if it was not."""
    torch = sys.modules.get("torch")
    threads = 1 if torch is None else torch.get_num_threads()
    wanted = missing(environment, root)
    if threads == 1 or not uses_libgomp():  # one thread waits for no other
        wanted.pop("GOMP_SPINCOUNT", None)
    if threads <= int(wanted.get("OMP_NUM_THREADS", threads)):
        wanted.pop("OMP_NUM_THREADS", None)
    if not wanted:
        return ""
    variables = " ".join(f"{name}={value}" for name, value in wanted.items())
    return (
        f"torch was imported before pcea, too late for {variables}: beside other work steps may "
        "take several times as long; import pcea first, or set this before Python starts"
    )


def uses_libgomp() -> bool:
    """Whether libgomp is loaded into this process, which torch does if it was built with it."""
    return "libgomp" in _read(Path("/proc/self/maps"))


def allowed_cores(root: Path = _ROOT) -> int | None:
    """How many cores a container's quota grants, rounded up; None where it does not limit."""
    quotas = list(_quotas(root))
    if not quotas or not hasattr(os, "sched_getaffinity"):
        return None
    processors = os.sched_getaffinity(0)
    cores = max(1, math.ceil(min(quotas)))
    if cores >= len(processors):
        return None
    # Torch takes one thread a core. Two processors often share a core; where nothing says so,
    # each is one.
    siblings = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    physical = {_read(root / siblings.format(each)) or str(each) for each in processors}
    return min(cores, len(physical))


def _quotas(root: Path) -> Iterator[float]:
    """The cores that each control group around this process grants, innermost first."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 2 has one tree, version 1 one for each controller, under its name or that of two.
        trees = ("cpu", controllers) if controllers else ("",)
        # A container often sees its own group as the top, by whatever path the host knows it. A
        # path that leads out of what is mounted names nothing here.
        inner = Path(path.strip("/"))
        for folder in [inner, *inner.parents] if ".." not in inner.parts else [Path()]:
            for tree in trees:
                yield from _quota(root / "sys/fs/cgroup" / tree / folder)


def _quota(group: Path) -> Iterator[float]:
    """The cores that one control group grants, if it grants a share: version 2, or version 1."""
    quota, _, period = _read(group / "cpu.max").partition(" ")
    if not quota:
        quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
    # "max", or -1, is no limit.
    if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:
        yield int(quota) / int(period)


def _read(path: Path) -> str:
    """A small file's text, empty where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
