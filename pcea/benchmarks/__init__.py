"""``pcea bench``: this package side by side with others, and with what the machine could do."""
