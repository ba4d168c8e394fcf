"""Tables: everything in which a point is a row, from text, NumPy's files and LAS."""
