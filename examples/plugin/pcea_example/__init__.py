"""An attention and a data set for pcea."""
