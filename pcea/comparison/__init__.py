"""Comparing attentions: the same recipe with each of them and several seeds, in one table."""
