"""``python -m cradlecast``: the same as the command ``cradlecast``."""

import sys

from cradlecast.cli import main

if __name__ == "__main__":
    sys.exit(main())
