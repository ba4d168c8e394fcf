"""What is set before torch begins: variables that are read once, so in Pythons of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pcea import threads
from pcea.threads import allowed_cores, missing, settle, too_late, uses_libgomp

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these variables")
OURS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
LISTED = "proc/self/cgroup"


def run_python(code: str, **environment: str) -> str:
    """What code prints in a fresh Python that finds only these variables of threads."""
    plain = {name: value for name, value in os.environ.items() if name not in OURS}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=plain | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below a root folder, each by its path, and return the folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight processors, whatever this one has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)


@linux
def test_importing_pcea_bounds_the_wait_and_leaves_torch_out() -> None:
    code = "import os, sys, pcea; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    assert run_python(code) == "3000 False"


@linux
def test_torch_takes_what_was_set(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor has nothing to share")
    root = write(tmp_path, {LISTED: "0::/", "sys/fs/cgroup/cpu.max": "60000 100000"})
    # libgomp writes what it has read to stderr when it is loaded.
    said = run_python(
        "import os, pathlib; os.dup2(1, 2); import pcea; from pcea.threads import settle, too_late;"
        f"settle(root=pathlib.Path({str(root)!r}));"
        "import torch; print('threads:', torch.get_num_threads()); torch.set_num_threads(2);"
        "print('too late:', repr(too_late()))",
        OMP_DISPLAY_ENV="verbose",
    )
    assert not uses_libgomp() or "GOMP_SPINCOUNT = '3000'" in said
    assert said.endswith("threads: 1\ntoo late: ''")


@pytest.mark.parametrize(
    ("name", "value"),
    [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "active"), ("GOMP_SPINCOUNT", "")],
)
def test_what_the_user_has_set_stays_and_nothing_is_added(name: str, value: str) -> None:
    assert "GOMP_SPINCOUNT" not in missing({name: value})
    code = f"import os, pcea; print(*(repr(os.environ.get(name)) for name in {OURS[:2]}))"
    expected = [repr(value if each == name else None) for each in OURS[:2]]
    assert run_python(code, **{name: value}) == " ".join(expected)


@linux
def test_where_torch_was_first_nothing_is_set_and_one_line_says_so() -> None:
    code = (
        "import torch, os, pcea; from pcea.threads import too_late; torch.set_num_threads(2);"
        "print(os.environ.get('GOMP_SPINCOUNT')); print(too_late());"
        "torch.set_num_threads(1); print(repr(too_late()))"
    )
    found, line, alone = run_python(code).splitlines()
    assert found == "None"
    if uses_libgomp():
        assert "torch was imported before pcea, too late for GOMP_SPINCOUNT=3000" in line
    # One thread waits for no other.
    assert alone == "''"


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(threads, "allowed_cores", lambda root: 1)
    assert missing({}) == {} and too_late({}) == ""


@linux
@pytest.mark.parametrize(
    ("files", "cores"),
    [
        # Version 2: in a container that sees its own group as the top, and on a host, where
        # every group around this one counts.
        ({LISTED: "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({LISTED: "0::/", "sys/fs/cgroup/cpu.max": "250000 100000"}, 3),
        ({LISTED: "0::/", "sys/fs/cgroup/cpu.max": "5000 100000"}, 1),
        ({LISTED: "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, None),
        ({LISTED: "0::/", "sys/fs/cgroup/cpu.max": "900000 100000"}, None),
        ({LISTED: "0::/docker/af", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({LISTED: "0::/../af", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        (
            {
                LISTED: "0::/user.slice/run.scope",
                "sys/fs/cgroup/user.slice/cpu.max": "300000 100000",
                "sys/fs/cgroup/user.slice/run.scope/cpu.max": "max 100000",
            },
            3,
        ),
        (
            {
                LISTED: "0::/user.slice/run.scope",
                "sys/fs/cgroup/user.slice/cpu.max": "300000 100000",
                "sys/fs/cgroup/user.slice/run.scope/cpu.max": "100000 100000",
            },
            1,
        ),
        # Version 1: under the name of the controller, or of two that are mounted together.
        (
            {
                LISTED: "5:memory:/a\n4:cpu,cpuacct:/docker/af\n0::/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            2,
        ),
        (
            {
                LISTED: "4:cpu,cpuacct:/af",
                "sys/fs/cgroup/cpu,cpuacct/af/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu,cpuacct/af/cpu.cfs_period_us": "25000",
            },
            2,
        ),
        (
            {
                LISTED: "4:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            None,
        ),
        # Nothing there, or nothing that is a number.
        ({}, None),
        ({LISTED: "0::/", "sys/fs/cgroup/cpu.max": "many 0"}, None),
        ({LISTED: "0::/", "sys/fs/cgroup/cpu.max": "100000 0"}, None),
        ({LISTED: "nonsense", "sys/fs/cgroup/cpu.max": ""}, None),
    ],
)
def test_a_quota_counts_rounded_up_where_it_is_fewer_than_the_process_sees(
    tmp_path: Path, eight: None, files: dict[str, str], cores: int | None
) -> None:
    root = write(tmp_path, files)
    assert allowed_cores(root) == cores
    told = {} if cores is None else {"OMP_NUM_THREADS": str(cores)}
    assert missing({"GOMP_SPINCOUNT": "1"}, root) == told


@linux
def test_two_processors_of_one_core_count_once(tmp_path: Path, eight: None) -> None:
    siblings = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    shared = {siblings.format(i): f"{i % 4},{i % 4 + 4}" for i in range(8)}
    quota = {LISTED: "0::/", "sys/fs/cgroup/cpu.max": "600000 100000"}
    # Six of eight processors, which are four cores: torch would take four.
    assert allowed_cores(write(tmp_path, quota)) == 6
    assert allowed_cores(write(tmp_path, shared)) == 4


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_a_count_of_the_user_goes_before_the_quota(tmp_path: Path, eight: None, name: str) -> None:
    root = write(tmp_path, {LISTED: "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"})
    assert "OMP_NUM_THREADS" not in missing({name: "5"}, root)


def test_nothing_is_set_once_torch_is_there(tmp_path: Path, eight: None) -> None:
    environment: dict[str, str] = {}
    settle(environment, write(tmp_path, {LISTED: "0::/", "sys/fs/cgroup/cpu.max": "1 1"}))
    assert "torch" in sys.modules and environment == {}


@linux
def test_threads_beyond_the_quota_are_told(
    tmp_path: Path, eight: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path, {LISTED: "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"})
    waits = {"GOMP_SPINCOUNT": "3000"}
    for count, said in ((4, "too late for OMP_NUM_THREADS=2:"), (2, ""), (1, "")):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        line = too_late(waits, root)
        assert (said in line) if said else line == ""
        assert "\n" not in line
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert too_late({**waits, "OMP_NUM_THREADS": "4"}, root) == ""
