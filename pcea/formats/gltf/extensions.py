"""The extensions of glTF that are read, and those that cannot change a shape."""

from __future__ import annotations

from collections.abc import Iterable

from pcea.formats.gltf.tree import Entry

QUANTIZED, INSTANCING = "KHR_mesh_quantization", "EXT_mesh_gpu_instancing"
VISIBILITY = "KHR_node_visibility"
DRACO = "KHR_draco_mesh_compression"
MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")

_READ = {QUANTIZED, INSTANCING, VISIBILITY}
# Names, and beginnings of names, of what concerns looks, light, sound, motion or notes only.
_HARMLESS = (
    "EXT_instance_features",
    "EXT_lights_",
    "EXT_mesh_features",
    "EXT_structural_metadata",
    "EXT_texture_",
    "KHR_animation_pointer",
    "KHR_lights_",
    "KHR_materials_",
    "KHR_texture_",
    "KHR_xmp",
    "MSFT_lod",
    "MSFT_packing_",
    "MSFT_texture_dds",
)


def may_hold_geometry(names: Iterable[str]) -> list[str]:
    """Keep the names of the extensions that are neither read nor harmless."""
    return [name for name in names if name not in _READ and not name.startswith(_HARMLESS)]


def check_required(root: Entry) -> None:
    """Refuse a file that cannot be understood without an extension that is not known.

    Raises:
        InputError: it requires one, which is named.
    """
    unknown = may_hold_geometry(root.texts("extensionsRequired"))
    if unknown:
        raise root.error(f"it requires {advise(unknown)}")


def advise(names: list[str]) -> str:
    """Say that extensions cannot be read, and what to do."""
    compressed = {DRACO, *MESHOPT} & set(names)
    return (
        f"{', '.join(names)[:200]}, which cannot be read:"
        f" save it without {'compression' if compressed else 'that extension'}"
    )
