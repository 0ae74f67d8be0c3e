"""The server of the page: this computer only, sessions that nobody can make up, headers on every answer."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from cradlecast.cli import main
from cradlecast.scenarios.errors import InputError
from cradlecast.ui.choice import shipped
from cradlecast.ui.server import HEADERS, HOST, server_of
from tests.pages import Served, served

type Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    with served(shipped()) as running:
        yield running


def get(address: str) -> tuple[int, Any, str]:
    """Status, headers and text of an answer."""
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_the_pages_process_brings_in_nothing_that_lives_children() -> None:
    """Other processes do that; this one is to answer soon."""
    script = """
import sys
import cradlecast.ui.server as server
from cradlecast.cli import main
server.serve = lambda *_: print(sorted({"mesa", "numba"} & set(sys.modules)))
main(["app"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_page_comes_with_headers_that_keep_it_to_itself(site: Served) -> None:
    status, headers, page = get(site.address)
    assert status == 200
    assert "<title>Cradlecast</title>" in page
    for path in ("", "static/js/bokeh.min.js", "nowhere"):
        _, headers, _ = get(site.address + path)
        assert {name: headers[name] for name in HEADERS} == dict(HEADERS), path
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "http" not in policy


def test_a_page_names_no_other_host(site: Served) -> None:
    _, _, page = get(site.address)
    assert "http://" not in page and "https://" not in page


def test_a_session_that_was_made_up_is_refused(site: Served) -> None:
    status, _, _ = get(f"{site.address}?bokeh-session-id=made-up")
    assert status == 403


def test_what_a_panel_server_tells_about_sessions_is_not_there(site: Served) -> None:
    for path in ("rest/session_info", "session_info", "admin", "liveness"):
        assert get(site.address + path)[0] == 404, path


def test_a_port_that_is_taken_is_refused_in_one_sentence(site: Served) -> None:
    import asyncio

    async def again() -> None:
        server_of(site.desk, site.port)

    with pytest.raises(InputError, match=rf"^port {site.port} of this computer cannot be used: "):
        asyncio.run(again())


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--address", "0.0.0.0"), "the page has no login yet, so it is served to this computer only (127.0.0.1)"),
        (("--address", "::"), "the page has no login yet"),
        (("--address", "example.org"), "the page has no login yet"),
        (("--port", "99999"), "--port must be from 0 to 65535; got 99999"),
        (("--port", "http"), "--port must be a number; got 'http'"),
    ],
)
def test_another_address_and_a_wrong_port_are_refused_in_one_sentence(
    words: tuple[str, ...], answer: str, capsys: Capture
) -> None:
    assert main(["app", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"cradlecast: error: {answer}")
    assert said.err.count("\n") == 1


def test_the_command_serves_this_computer(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    asked: list[int] = []

    def serve(port: int, say: Any) -> None:
        asked.append(port)
        say("it runs")

    monkeypatch.setattr("cradlecast.ui.server.serve", serve)
    assert main(["app"]) == 0
    assert main(["app", "--port", "8000", "--address", "localhost"]) == 0
    assert asked == [5006, 8000]
    assert capsys.readouterr().err == "cradlecast: it runs\n" * 2
    assert HOST == "127.0.0.1"
