"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("mesa", "numba", "numpy", "pandas", "scipy")


def describe() -> dict[str, str]:
    """Processor, system and versions by name."""
    cores = f"{os.cpu_count() or 1} logical cores"
    return {
        "processor": f"{_processor()}, {cores}",
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "python": platform.python_version(),
    } | {name: version(name) for name in PACKAGES}


def _processor() -> str:
    """Name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def peak_bytes() -> int | None:
    """Most memory that this process has held so far, bytes; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def held_bytes() -> int | None:
    """What this process holds now, bytes, its peak reckoned anew from here; None where the system does not say."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _most()


def peak_bytes_since(held: int | None) -> int | None:
    """Most that this process has held beyond ``held_bytes`` since that was asked, bytes."""
    return None if held is None else _most() - held


def _most() -> int:
    """Most memory that this process has held since its peak was last reckoned anew, bytes, as Linux gives it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
