"""Two real processes on the CPU that train together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pcea.training import RunFolder

# Seconds that a busy machine may take for what takes a few.
PATIENCE = 300

WORKER = """
import sys
from pcea.recipes import Recipe
from pcea.training import train

options = {"dims": (8, 8, 16), "num": (12, 8), "k": 4, "depth": 1, "fused": 16, "hidden": (16, 16)}
recipe = Recipe(
    "tiny", "balls", "eat-tiny", attention_options={"slots": 4}, model_options=options,
    num_points=16, epochs=1_000_000, batch_size=4,
)
try:
    train(recipe, sys.argv[1], sys.argv[2])
except KeyboardInterrupt as interrupt:
    print(interrupt, flush=True)
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
def workers(tmp_path: Path, data: Path) -> Iterator[list[subprocess.Popen[str]]]:
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
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "ACCELERATE_USE_CPU": "1",
        "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0",
        "OMP_NUM_THREADS": "1",
        "PCEA_CACHE": str(tmp_path / "cache"),
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "run"), str(data)],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    yield started
    for worker in started:
        worker.kill()
        worker.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_a_signal_to_one_process_stops_both_at_the_same_step(
    tmp_path: Path, workers: list[subprocess.Popen[str]]
) -> None:
    run, until = RunFolder(tmp_path / "run"), time.monotonic() + PATIENCE
    while len(run.read_metrics()) < 2:
        gone = [worker for worker in workers if worker.poll() is not None]
        assert not gone, gone[0].communicate()[1]
        assert time.monotonic() < until, "training did not begin"
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGINT)
    told = [worker.communicate(timeout=PATIENCE) for worker in workers]
    assert [worker.returncode for worker in workers] == [7, 7], told
    last = [output.splitlines()[-1] for output, _ in told]
    assert last[0] == last[1]
    assert last[0].startswith(f"saved at step {run.load_state()['step']}: --resume")
