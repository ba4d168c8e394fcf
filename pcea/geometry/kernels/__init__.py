"""The inner loops of farthest points and neighbors, compiled: numba on a CPU, Triton on a GPU.

Each gives exactly the indices of the plain torch version beside the operator it serves.
"""
