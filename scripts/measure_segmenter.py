#!/usr/bin/env python3
"""Print how well a segmenter splits clouds as people have them: turned, or without true normals.

    scripts/measure_segmenter.py WEIGHTS --dataset meshparts23 --split val --data-root data

The split is segmented as it is, turned about the upright axis, without normals, and with flipped
normals, and once without the category. A segmenter of the data set `everyday` is translated to the
labels of the data set.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pcea.datasets import Clouds, load_dataset
from pcea.errors import InputError
from pcea.evaluation import evaluate, fit_to
from pcea.models import load_model


def conditions(clouds: Clouds) -> dict[str, tuple[Clouds, dict[str, Any]]]:
    """Make the clouds of each condition, with the options that they are evaluated with."""
    normal = clouds.normal
    flipped = replace(clouds, normal=None if normal is None else -normal)
    return {
        "as it is": (clouds, {}),
        "turned about the upright axis": (clouds, {"transforms": ["rotate"]}),
        "without normals": (replace(clouds, normal=None), {}),
        "with flipped normals": (flipped, {}),
        "without the category": (clouds, {"use_category": False}),
    }


def main(words: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(prog="measure_segmenter", description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="a segmenter: a run folder, a weights file or a name")
    parser.add_argument("--dataset", default="meshparts23")
    parser.add_argument("--split", default="val")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    wanted = parser.parse_args(words)
    try:
        data = load_dataset(wanted.dataset, wanted.split, wanted.data_root)
        model = load_model(wanted.weights)
        if model.task != "segmentation":
            raise InputError(f"{wanted.weights} is not a segmenter: name one")
        fitted = fit_to(model, data)
    except InputError as error:
        sys.exit(f"measure_segmenter: {error}")
    print(f"{wanted.weights}: {len(data)} clouds of {data.name} {data.split}\n")
    print("| condition | class mIoU | instance mIoU |\n|---|---|---|")
    figures = {}
    for name, (clouds, how) in conditions(data.clouds).items():
        found = evaluate(fitted, clouds, model.info.num_points, **how).figures()
        figures[name] = found
        class_miou, instance_miou = found["class_miou"], found["instance_miou"]
        print(f"| {name} | {100 * class_miou:.1f} % | {100 * instance_miou:.1f} % |", flush=True)
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
