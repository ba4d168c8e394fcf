"""What a model's attention does on single shapes: pictures, coloured shapes, raw values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from pcea.cli.attend_options import AttendOptions
from pcea.cli.attend_pictures import write_pictures
from pcea.cli.attend_seen import COLORMAP, Attended, attend, chosen_layer
from pcea.cli.batch import Batch
from pcea.cli.output import percent, say, track, write_json
from pcea.cli.targets import check_out, name_targets, refuse_inputs
from pcea.cli.weights import open_model, origin
from pcea.formats import Mesh, read, write_glb, write_npz, write_ply
from pcea.models import Look, PointModel
from pcea.names import printable
from pcea.pictures.colormap import colors_of
from pcea.pictures.renderers import choose_renderer

WRITTEN = (
    "gallery.png", "layers.png", "importance.png", "attention.ply", "attention.glb",
    "attention.npz", "turntable.gif",
)  # fmt: skip


def attend_files(options: AttendOptions) -> int:
    """Look at the files and write what was seen.

    Returns:
        The exit status: whether all files, some or none could be used.

    Raises:
        InputError: there are no files, or what is asked for does not exist.
    """
    check_out(options.out)
    batch = Batch(options.files)
    targets = name_targets(batch.files, options.out)
    refuse_inputs(batch.files, [target / name for target in targets for name in WRITTEN])
    model = open_model(options.weights, options.device, keep_strays=options.keep_strays)
    layer = chosen_layer(model, options.layer)
    choose_renderer(options.renderer)
    results = []
    for file, target in track(list(zip(batch.files, targets, strict=True))):
        with batch.trying(file):
            seen = attend(model, read(file), options, layer)
            write_shape(seen, target)
            write_values(model, seen, target)
            result = describe(model, file, target, seen)
            write_pictures(seen, target, options, heading(result))
            say(line(result))
            results.append(result | {"notes": batch.tell(file, seen.shape, seen.look)})
    if results and options.json is not None:
        described = {
            **origin(model, options.weights),
            "layer": layer,
            "votes": options.votes,
            "keep_strays": options.keep_strays,
            "files": results,
            "left_out": batch.left_out,
        }
        write_json(options.json, described)
    return batch.status


def write_shape(seen: Attended, target: Path) -> None:
    """Write the shape coloured by the first column, in the file's own coordinates."""
    first, shape = seen.gallery[0], seen.shape
    values = seen.values[: seen.own, 0]
    colors = colors_of(values, 0.0, first.high, COLORMAP)
    pos, faces, normal = (
        (shape.vertices, shape.faces, None)
        if isinstance(shape, Mesh)
        else (shape.pos, None, shape.normal)
    )
    ply, glb = target / "attention.ply", target / "attention.glb"
    write_ply(ply, shape.file_pos, colors, faces, normal, attention=values)
    write_glb(glb, pos, faces, colors, target.name, offset=shape.offset)


def write_values(model: PointModel, seen: Attended, target: Path) -> None:
    """Write all values at the seen points, and what is shown at the vertices."""
    look, taxonomy, offset = seen.look, model.info.taxonomy, seen.shape.offset
    names = taxonomy.parts if model.task == "segmentation" else taxonomy.categories
    arrays: dict[str, Any] = {
        "pos": look.sample.file_pos,
        "offset": offset,
        "probability": look.probability,
        "names": list(names),
        "up": look.up,
        "critical": seen.weighed.critical,
        "saliency": seen.weighed.saliency,
        "target": seen.weighed.target,
        "shown": [each.name for each in seen.gallery],
        "shown_high": [each.high for each in seen.gallery],
        "shown_values": seen.values[: seen.own],
    }
    if look.sample.face is not None:
        arrays["face"] = look.sample.face
    if seen.shape.row is not None:
        arrays["row"] = seen.shape.row
    for each in look.maps:
        arrays[f"layer{each.layer}"] = each.values
        arrays[f"layer{each.layer}_columns"] = list(each.columns)
        if each.query is not None:
            query = each.query
            arrays["query"] = query.double() + offset if offset.any() else query
    write_npz(target / "attention.npz", **arrays)


def describe(model: PointModel, file: Path, target: Path, seen: Attended) -> dict[str, Any]:
    """What was seen of a file."""
    name, probability = answer(model, seen.look)
    shape = seen.shape
    return {
        "file": str(file),
        "category": name,
        "probability": probability,
        "up": seen.look.up,
        "up_confidence": seen.guessed,
        "vertices": seen.own,
        "faces": len(shape.faces) if isinstance(shape, Mesh) else None,
        "shown": [each.name for each in seen.gallery],
        "folder": str(target),
    }


def answer(model: PointModel, look: Look) -> tuple[str, float]:
    """The likeliest category; of a segmenter, the one to whose parts it gives most."""
    taxonomy, probability = model.info.taxonomy, look.probability
    if model.task == "segmentation":
        probability = (probability.mean(0) * taxonomy.part_mask()).sum(-1)  # (categories,)
    best = int(probability.argmax())
    return taxonomy.categories[best], float(probability[best])


def heading(result: dict[str, Any]) -> str:
    """What to write above the pictures of a file."""
    name = printable(Path(result["file"]).name)
    return f"{name}: {result['category']} ({percent(result['probability'])})"


def line(result: dict[str, Any]) -> str:
    """One line on a file."""
    sure = result["up_confidence"]
    how = "given" if sure is None else f"guessed, {percent(cast(float, sure))} sure"
    return (
        f"{printable(result['file'])}: {result['category']} ({percent(result['probability'])}), "
        f"up {result['up']} ({how}), in {printable(result['folder'])}"
    )
