"""Pages for tests: a server in a thread of this process, and a browser that may reach nothing but it."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from cradlecast.ui.choice import Offer
from cradlecast.ui.findings import Desk
from cradlecast.ui.jobs import Jobs
from cradlecast.ui.server import HOST, server_of

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LONG = 120_000
"""Milliseconds that a whole run may take on a slow machine."""


@dataclass
class Served:
    """A running server."""

    desk: Desk
    port: int = 0
    stop: Any = None
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """Where its pages are."""
        return f"http://{HOST}:{self.port}/"


@contextmanager
def served(offer: Offer, forget_after: int = 600) -> Iterator[Served]:
    """A server of an offer, in a thread of its own."""
    serving = Served(Desk(offer, Jobs(2)))

    async def serve() -> None:
        server = server_of(serving.desk, 0, forget_after)
        server.start()
        serving.port, loop, over = server.port, asyncio.get_running_loop(), asyncio.Event()
        serving.stop = lambda: loop.call_soon_threadsafe(over.set)
        serving.ready.set()
        await over.wait()
        server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert serving.ready.wait(30)
        yield serving
    finally:
        serving.stop()
        thread.join(10)
        serving.desk.jobs.close()


def chromium() -> str:
    """The browser on the PATH; a test that needs it is skipped, with its name, where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs Chromium on the PATH (Debian: apt-get install chromium)")
    return found


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (in requirements.lock)")
    path = chromium()
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()
