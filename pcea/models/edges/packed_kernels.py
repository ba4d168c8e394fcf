"""The loops over tiles of edges whose values are packed into 16 bits, compiled.

A packed value, int16, holds the bits of a bf16 number: the upper half of those of a float32. Other
arrays are as in :mod:`pcea.models.edges.kernels`, float32. No edge or product is NaN or infinite.
"""

from typing import Any

import numpy as np

from pcea.geometry.kernels.compiled import compiled
from pcea.models.edges.kernels import Array

LOWEST = -(1 << 15)


@compiled
def turned(value: Any) -> Any:
    """Turn a packed number into an integer that is ordered as the number is, and back.

    Bits of positive numbers are ordered already; those of negative ones are, once all but the sign
    are turned around.
    """
    return value ^ ((value >> np.int16(15)) & np.int16(0x7FFF))


@compiled
def unpacked(value: Any) -> Any:
    """The bits of the float32 number that a packed one stands for, int32."""
    return np.int32(value) << np.int32(16)


@compiled
def pack_edges(near: Array, own: Array, index: Array, edges: Array) -> None:
    """Fill in the edges of a tile of one cloud, max(near_j + own_i, 0), rounded to nearest, even.

    They are the first C columns of ``edges`` (M · k, at least C).
    """
    neighbors, channels = index.shape[1], near.shape[1]
    row = np.empty(channels, np.float32)
    bits = row.view(np.int32)
    for i in range(index.shape[0]):
        for edge in range(neighbors):
            j, packed = index[i, edge], edges[i * neighbors + edge]
            for c in range(channels):
                value = near[j, c] + own[i, c]
                row[c] = 0 if value < 0 else value
            for c in range(channels):
                odd = (bits[c] >> np.int32(16)) & np.int32(1)
                packed[c] = (bits[c] + np.int32(0x7FFF) + odd) >> np.int32(16)


@compiled
def maximum(products: Array, best: Array) -> None:
    """Take the maximum over each center's products (M · k, D), and unpack it to ``best`` (M, D)."""
    neighbors, channels = products.shape[0] // best.shape[0], best.shape[1]
    most = np.empty(channels, np.int16)
    bits = best.view(np.int32)
    for i in range(best.shape[0]):
        most[:] = LOWEST
        for edge in range(0, neighbors, 2):  # by twos, as in kernels.strongest
            one = products[i * neighbors + edge]
            two = products[i * neighbors + min(edge + 1, neighbors - 1)]
            for c in range(channels):
                value = turned(one[c])
                other = turned(two[c])
                value = other if other > value else value
                most[c] = value if value > most[c] else most[c]
        for c in range(channels):
            bits[i, c] = unpacked(turned(most[c]))


@compiled
def maximum_and_moments(
    products: Array, about: Array, best: Array, arg: Array, total: Array, square: Array
) -> None:
    """Do what ``kernels.maximum_and_moments`` does, of packed products (M · k, D)."""
    neighbors, channels = products.shape[0] // best.shape[0], best.shape[1]
    most, which = np.empty(channels, np.int16), np.empty(channels, np.int16)
    row, bits = np.empty(channels, np.float32), best.view(np.int32)
    row_bits = row.view(np.int32)
    few, few_squares = np.empty_like(about), np.empty_like(about)
    for i in range(best.shape[0]):
        few[:] = 0
        few_squares[:] = 0
        most[:] = LOWEST
        which[:] = 0
        for edge in range(neighbors):
            packed, number = products[i * neighbors + edge], np.int16(edge)
            for c in range(channels):
                value = turned(packed[c])
                better = value > most[c]
                which[c] = number if better else which[c]
                most[c] = value if better else most[c]
            for c in range(channels):
                row_bits[c] = unpacked(packed[c])
            for c in range(channels):
                off = row[c] - about[c]
                few[c] += off
                few_squares[c] += off * off
        for c in range(channels):
            bits[i, c] = unpacked(turned(most[c]))
            arg[i, c] = which[c]
        total += few
        square += few_squares


@compiled
def place_maximum(arg: Array, of_best: Array, edges: Array, first: int) -> None:
    """Write the gradient of the maximum, packed (M, D), to the edges that have it, and 0 elsewhere.

    ``arg`` (M, D) says which of the k edges has it. Columns from ``first`` on of ``edges`` (M · k,
    at least first + D) are written.
    """
    neighbors, channels = edges.shape[0] // arg.shape[0], arg.shape[1]
    for i in range(arg.shape[0]):
        for edge in range(neighbors):
            edges[i * neighbors + edge, first : first + channels] = 0
        for d in range(channels):
            edges[i * neighbors + arg[i, d], first + d] = of_best[i, d]


@compiled
def collect_gradient(
    gradient: Array, fixed: Array, edges: Array, index: Array, of_near: Array, of_own: Array
) -> None:
    """Do what ``kernels.collect_gradient`` does, of packed gradients and ``fixed`` (C,) added.

    Of ``edges`` (M · k, at least C) the first C columns count.
    """
    neighbors, channels = index.shape[1], fixed.shape[0]
    row = np.empty(channels, np.float32)
    bits = row.view(np.int32)
    for i in range(index.shape[0]):
        mine = of_own[i]
        mine[:] = 0
        for edge in range(neighbors):
            packed, held = gradient[i * neighbors + edge], edges[i * neighbors + edge]
            points = of_near[index[i, edge]]
            for c in range(channels):
                bits[c] = unpacked(packed[c])
            for c in range(channels):
                row[c] = row[c] + fixed[c] if held[c] > 0 else 0
            for c in range(channels):
                points[c] += row[c]
                mine[c] += row[c]


@compiled
def add_packed(packed: Array, total: Array) -> None:
    """Add packed numbers to float32 ones, (R, C) both."""
    row = np.empty(total.shape[1], np.float32)
    bits = row.view(np.int32)
    for i in range(total.shape[0]):
        for c in range(total.shape[1]):
            bits[c] = unpacked(packed[i, c])
        for c in range(total.shape[1]):
            total[i, c] += row[c]
