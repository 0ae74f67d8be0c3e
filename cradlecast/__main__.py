"""The command ``cradlecast``, and ``python -m cradlecast``."""

import gc
import os
import sys
import threading
from contextlib import suppress


def command() -> None:
    """Answer one command and end the process with its status."""
    # Draws are shared out over the cores already: more threads for linear algebra would only wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()  # what is imported stays; looking through it meanwhile is in vain
    from cradlecast.cli import main

    gc.freeze()  # nor later
    gc.enable()
    status = main()
    if threading.active_count() > 1 or not sys.modules.keys().isdisjoint(("loky", "concurrent.futures.process")):
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)  # Python would take everything apart first, which takes a tenth of a short command's time


if __name__ == "__main__":
    command()
