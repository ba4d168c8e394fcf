#!/usr/bin/env python3
"""Print what a model loses if its attention is taken out, layer by layer, without new training.

    scripts/measure_attention.py WEIGHTS --dataset modelnet40 --split val --data-root data

Where a layer's attention is taken out, all points of a cloud get the mean of what they would have
read: the layer no longer tells one point from another by what it attends to. Everything else stays.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pcea.datasets import load_dataset
from pcea.errors import InputError
from pcea.evaluation import evaluate, fit_to
from pcea.formats import write_json
from pcea.models import PointModel, load_model


@contextmanager
def without_attention(model: PointModel, layers: Sequence[int]) -> Iterator[None]:
    """Replace what the attention of some layers gives, (B, N, C), by its mean over the points."""

    def mean(module: nn.Module, given: Any, output: Tensor) -> Tensor:
        return output.mean(1, keepdim=True).expand_as(output)

    with ExitStack() as stack:
        for layer in layers:
            hook = model.encoder.attentions[layer].register_forward_hook(mean)
            stack.callback(hook.remove)
        yield


def main(words: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(prog="measure_attention", description=__doc__.splitlines()[0])
    parser.add_argument("weights", help="a model: a run folder, a weights file or a name")
    parser.add_argument("--dataset", help="default: the one that the model was trained on")
    parser.add_argument("--split", default="val")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    wanted = parser.parse_args(words)
    try:
        model = load_model(wanted.weights)
        name = wanted.dataset or model.info.dataset
        if name is None:
            raise InputError("the weights do not say what they were trained on: give --dataset")
        data = load_dataset(name, wanted.split, wanted.data_root)
        fitted = fit_to(model, data)
    except InputError as error:
        sys.exit(f"measure_attention: {error}")
    every = range(len(model.encoder.attentions))
    taken: dict[str, Sequence[int]] = {"nothing": []}
    taken |= {f"that of layer {layer}": [layer] for layer in every}
    taken["that of all layers"] = every
    figures = dict[str, dict[str, float]]()
    print(f"{wanted.weights}: {len(data)} clouds of {data.name} {data.split}\n")
    for what, layers in taken.items():
        with without_attention(model, layers):
            found = evaluate(fitted, data.clouds, model.info.num_points).figures()
        if not figures:
            print(f"| attention taken out | {' | '.join(found)} |\n|{'---|' * (len(found) + 1)}")
        figures[what] = found
        cells = (f"{100 * value:.1f} %" for value in found.values())
        print(f"| {what} | {' | '.join(cells)} |", flush=True)
    if wanted.json is not None:
        write_json(wanted.json, figures)


if __name__ == "__main__":
    main()
