"""The server of the page: this computer only, signed sessions, headers that keep the page to itself."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import panel as pn
from bokeh.server.server import Server
from holoviews.plotting.bokeh import BokehRenderer
from tornado.web import OutputTransform

from cradlecast.scenarios.errors import InputError
from cradlecast.ui.choice import Offer, shipped
from cradlecast.ui.findings import Desk
from cradlecast.ui.jobs import Jobs
from cradlecast.ui.page import Page

HOST: Final = "127.0.0.1"

WARM_AFTER: Final = 4.0
"""Seconds before the pool imports what it needs, so that the first page has the cores to itself."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob:; worker-src blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""With every answer: the browser may ask no other host for anything, and no other page may show this one."""


class Guard(OutputTransform):
    """Puts the headers on every answer."""

    def transform_first_chunk(
        self, status_code: int, headers: Any, chunk: bytes, finishing: bool
    ) -> tuple[int, Any, bytes]:
        """Add the headers to an answer before it leaves."""
        for name, value in HEADERS.items():
            headers[name] = value
        return status_code, headers, chunk


def server_of(desk: Desk, port: int, forget_after: int = 15_000) -> Server:
    """A server of pages, not yet started.

    Parameters
    ----------
    desk
        What its pages show.
    port
        Port of this computer; 0 takes a free one.
    forget_after
        Milliseconds after which a page that its browser has left is let go.

    Raises
    ------
    InputError
        If the port is taken or may not be used.
    """
    _refuse_taken(port)
    BokehRenderer.webgl = False  # a few dozen marks: drawn without a graphics card in three quarters of the time

    def page() -> pn.Template:
        return Page(desk, _query(pn.state.session_args)).template()

    server: Server = pn.io.server.get_server(
        {"/": page},
        port=port,
        address=HOST,
        title={"/": "Cradlecast"},
        location=False,
        sign_sessions=True,
        secret_key=secrets.token_urlsafe(48).encode(),
        generate_session_ids=True,
        unused_session_lifetime_milliseconds=forget_after,
        check_unused_sessions_milliseconds=max(forget_after // 3, 100),
        websocket_max_message_size=1_000_000,
    )
    server._tornado.add_transform(Guard)
    return server


def serve(port: int, say: Callable[[str], object], offer: Offer | None = None) -> None:
    """Serve pages until interrupted.

    Parameters
    ----------
    port
        Port of this computer; 0 takes a free one.
    say
        Told the address when pages can be opened.
    offer
        What can be chosen; what is shipped if None.

    Raises
    ------
    InputError
        As ``server_of``.
    """
    jobs = Jobs()
    try:
        asyncio.run(_serve(Desk(offer or shipped(), jobs), port, say))
    finally:
        jobs.close()


async def _serve(desk: Desk, port: int, say: Callable[[str], object]) -> None:
    """Serve until a signal comes."""
    server = server_of(desk, port)
    server.start()
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(over.set))
    say(f"Cradlecast runs at http://{HOST}:{server.port}/ for this computer only; Ctrl+C ends it.")
    loop.call_later(WARM_AFTER, desk.jobs.warm)
    await over.wait()
    server.stop()
    say("Cradlecast has ended.")


def _refuse_taken(port: int) -> None:
    """Raise for a port that cannot be listened to."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise InputError(f"port {port} of this computer cannot be used: {error.strerror}") from None


def _query(arguments: dict[str, list[bytes]]) -> str:
    """The query of an address, put together again from its parts."""
    pairs = [(name, value) for name, values in arguments.items() for value in values]
    return urlencode([(name, value) for name, value in pairs if not name.startswith("bokeh-")])
