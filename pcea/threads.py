"""Settings of the threads of a process, made before torch is imported.

OpenMP (in torch mostly GCC's libgomp) and the thread pools of numpy and SciPy read the environment
once, when they are loaded. ``root`` is the folder of ``proc`` and ``sys``, which tests replace.
"""

import math
import os
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path

# How many times a thread checks, at the end of a parallel loop, whether the others are done before
# it sleeps. With libgomp's default, 300,000, a training step takes several times as long while
# another process keeps a core busy. 1,000 is slower on an idle machine; 30,000 is too many.
SPIN_COUNT = 3000

# If the user has set one of these variables, it is left as it is.
WAITING = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
_COUNTING = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

_ROOT = Path("/")


def settle(environment: MutableMapping[str, str] = os.environ, root: Path = _ROOT) -> None:
    """Set the variables of :func:`missing`, unless torch has already been imported."""
    if "torch" not in sys.modules:
        environment.update(missing(environment, root))


def missing(
    environment: MutableMapping[str, str] = os.environ, root: Path = _ROOT
) -> dict[str, str]:
    """Give the variables that make torch faster and that the user has not set, with values."""
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
    """Say in one line that torch was imported before the variables were set; else empty."""
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
        f"torch was imported before pcea, too late for {variables}: a step may take several times "
        "as long while other programs run; import pcea first, or set this before Python starts"
    )


def uses_libgomp() -> bool:
    """Say whether libgomp is loaded into this process, as by a torch that was built with it."""
    return "libgomp" in _read(Path("/proc/self/maps"))


def allowed_cores(root: Path = _ROOT) -> int | None:
    """Say how many cores a container's quota grants, rounded up; None if it is no limit."""
    quotas = list(_quotas(root))
    if not quotas or not hasattr(os, "sched_getaffinity"):
        return None
    processors = os.sched_getaffinity(0)
    cores = max(1, math.ceil(min(quotas)))
    if cores >= len(processors):
        return None
    # Torch starts one thread per core, and two processors often share a core. If the system does
    # not say so, each processor is taken for a core.
    siblings = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    physical = {_read(root / siblings.format(each)) or str(each) for each in processors}
    return min(cores, len(physical))


def _quotas(root: Path) -> Iterator[float]:
    """Give the cores that each control group around this process grants, innermost first."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 2 has one tree, version 1 one per controller, named after one or two controllers.
        trees = ("cpu", controllers) if controllers else ("",)
        # In a container, its own group is often mounted as the root, whatever its path on the host.
        # A path with ".." leads out of the mounted tree, so that only the root is left.
        inner = Path(path.strip("/"))
        for folder in [inner, *inner.parents] if ".." not in inner.parts else [Path()]:
            for tree in trees:
                yield from _quota(root / "sys/fs/cgroup" / tree / folder)


def _quota(group: Path) -> Iterator[float]:
    """Give the cores that one control group grants, if it has a quota (version 2 or 1)."""
    quota, _, period = _read(group / "cpu.max").partition(" ")
    if not quota:
        quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
    # "max" and -1 mean no limit.
    if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:
        yield int(quota) / int(period)


def _read(path: Path) -> str:
    """Read a small file; the text is empty if that fails."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
