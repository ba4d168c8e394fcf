"""``python -m pcea`` is the command ``pcea``."""

import sys

from pcea.cli import main

if __name__ == "__main__":
    sys.exit(main())
