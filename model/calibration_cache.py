"""Solved calibrations kept on disk, so that the same draw is solved once and not in every study."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from cradlecast.model.calibration import Calibration


class CalibrationCache:
    """Calibrations of one community, parameter set and seed, by draw.

    The file is named after a hash of everything the calibration may depend on, the model's source files included, so it
    is never stale. A file that is missing, damaged or cannot be written only costs the time to solve again.

    Parameters
    ----------
    key
        Hash of the declarations and the seed.
    """

    def __init__(self, key: str) -> None:
        code = b"".join(source.read_bytes() for source in sorted(Path(__file__).parent.glob("*.py")))
        name = hashlib.sha256(key.encode() + code + np.__version__.encode()).hexdigest()[:32]
        self.path = folder() / f"calibration-{name}.npz"
        self._lock = threading.Lock()
        self._new: set[int] = set()
        self._known = self._read()

    def __getstate__(self) -> dict[str, Any]:
        """For a process of its own: everything but the lock."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def get(self, draw: int) -> Calibration | None:
        """The calibration of a draw, without its fit, or None."""
        with self._lock:
            return self._known.get(draw)

    def put(self, draw: int, calibration: Calibration) -> None:
        """Remember a calibration."""
        with self._lock:
            self._known[draw] = calibration
            self._new.add(draw)

    def take_new(self) -> dict[int, Calibration]:
        """What was remembered since the last time that this was asked or that it was written."""
        with self._lock:
            new = {draw: self._known[draw] for draw in sorted(self._new)}
            self._new.clear()
            return new

    def save(self) -> None:
        """Write what was solved since the last time: whole or not at all."""
        with self._lock:
            if not self._new:
                return
            draws = sorted(self._known)
            arrays = {
                "draws": np.array(draws, np.int64),
                "theta": np.stack([self._known[draw].theta for draw in draws]),
                "cuts": np.stack([self._known[draw].cuts for draw in draws]),
            }
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                handle, name = tempfile.mkstemp(dir=self.path.parent, suffix=".tmp")
                with os.fdopen(handle, "wb") as file:
                    np.savez(file, **arrays)  # type: ignore[arg-type]
                Path(name).replace(self.path)
                self._new.clear()
            except OSError:
                return

    def _read(self) -> dict[int, Calibration]:
        """What the file holds; nothing if there is none or it is damaged."""
        try:
            with np.load(self.path, allow_pickle=False) as data:
                return {
                    int(draw): Calibration(theta, cuts, ())
                    for draw, theta, cuts in zip(data["draws"], data["theta"], data["cuts"], strict=True)
                }
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}


def folder() -> Path:
    """Where caches go: CRADLECAST_CACHE, or the user's cache folder."""
    chosen = os.environ.get("CRADLECAST_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cradlecast"
