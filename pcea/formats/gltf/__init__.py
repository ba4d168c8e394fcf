"""glTF 2.0, read here: the format's core, quantized and instanced meshes, nothing compressed.

Read here, because others are silently wrong on what people's files hold. trimesh (4.6, 5.2) does
not divide normalized whole numbers, applies neither morph targets nor skins, leaves out fans,
instances and the winding of mirrored nodes, and reads what it cannot decode as zeros; 4.6 opens any
file of the disk that an address names. Open3D (0.20) reads quantized positions as NaN, and applies
neither instances nor morph targets. None of them finds a buffer whose address has ``%20`` in it.
"""

from pcea.formats.gltf.reader import read_gltf

__all__ = ["read_gltf"]
