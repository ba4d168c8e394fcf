"""``pcea bench``: this package compared with others, and with the limits of the machine."""
