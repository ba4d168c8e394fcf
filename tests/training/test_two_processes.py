"""Two real processes on the CPU that train together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from pcea.training import RunFolder

# Seconds that a busy machine may take for what takes a few.
PATIENCE = 300

# One import serves both: importing takes longer than what is tested.
WORKERS = """
import os
import sys
from pcea.recipes import Recipe
from pcea.training import train

child = os.fork()
rank = "0" if child else "1"
os.environ |= {"RANK": rank, "LOCAL_RANK": rank}
options = {"dims": (8, 8, 16), "num": (12, 8), "k": 4, "depth": 1, "fused": 16, "hidden": (16, 16)}
recipe = Recipe(
    "tiny", "balls", "eat-tiny", attention_options={"slots": 4}, model_options=options,
    num_points=16, epochs=1_000_000, batch_size=4, tracker=(), compile="no",
)
if child:
    print(child, flush=True)
try:
    train(recipe, sys.argv[1], sys.argv[2])
except KeyboardInterrupt as interrupt:
    print(interrupt, flush=True)
    if child and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 7:
        sys.exit("the other process did not end by the signal")
    sys.exit(7)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data root with twelve balls and rods for training, four for validation."""
    rng, root = np.random.default_rng(0), tmp_path / "data"
    folder = root / "balls_normal"
    (folder / "train_test_split").mkdir(parents=True)
    (folder / "synsetoffset2category.txt").write_text("ball 0\nrod 1\n")
    for split, count in (("train", 12), ("val", 4)):
        listed = [f"shape_data/{i % 2}/{split}{i}" for i in range(count)]
        for i, entry in enumerate(listed):
            file = folder / entry.removeprefix("shape_data/")
            file.parent.mkdir(exist_ok=True)
            pos = rng.normal(size=(20, 3)) * ([1, 1, 1] if i % 2 else [0.1, 1, 0.1])
            np.savetxt(f"{file}.txt", np.column_stack([pos, np.full(20, i % 2)]))
        listing = folder / "train_test_split" / f"shuffled_{split}_file_list.json"
        listing.write_text(json.dumps(listed))
    return root


@pytest.fixture
def workers(tmp_path: Path, data: Path) -> Iterator[subprocess.Popen[str]]:
    """Two processes, as a launcher would start them, that train until they are stopped."""
    if not (torch.distributed.is_available() and torch.distributed.is_gloo_available()):
        pytest.skip("this torch was built without gloo")
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    except OSError as error:
        pytest.skip(f"no port can be opened on 127.0.0.1: {error}")
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "ACCELERATE_USE_CPU": "1",
        "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0",
        "OMP_NUM_THREADS": "1",
        "PCEA_CACHE": str(tmp_path / "cache"),
    }
    started = subprocess.Popen(
        [sys.executable, "-c", WORKERS, str(tmp_path / "run"), str(data)],
        env={**os.environ, **shared},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield started
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_a_signal_to_one_process_stops_both_at_the_same_step(
    tmp_path: Path, workers: subprocess.Popen[str]
) -> None:
    run, until = RunFolder(tmp_path / "run"), time.monotonic() + PATIENCE
    while not run.read_metrics():
        assert workers.poll() is None, workers.communicate()[1]
        assert time.monotonic() < until, "training did not begin"
        time.sleep(0.05)
    assert workers.stdout is not None
    os.kill(int(workers.stdout.readline()), signal.SIGINT)
    output, errors = workers.communicate(timeout=PATIENCE)
    assert workers.returncode == 7, errors
    saved = f"saved at step {run.load_state()['step']}: --resume {run.path} goes on"
    # Both write to one stream: a line of the one may stand inside a line of the other.
    assert output.count(saved) == 2
