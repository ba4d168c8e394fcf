"""What PCT's sample-and-group computes on the edges of its neighborhood graph, never held whole.

An edge leads from a center i to one of its k neighbors j and carries near_j + own_i. There are
B · M · k of them, with C channels each: by far the largest tensors of the network, and moving them
costs more than multiplying them. Here they are made, multiplied and reduced a tile at a time, which
stays in the caches, the clouds shared out over the threads.
"""

from pcea.models.edges.linear_max import edge_linear_max
from pcea.models.edges.operators import edge_max, edge_moments

__all__ = ["edge_linear_max", "edge_max", "edge_moments"]
