"""An attention, a data set and a transform for pcea."""
