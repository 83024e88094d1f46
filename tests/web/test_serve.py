"""The app in a browser, from outside: who is let in, what a tab gets, and what is left when it ends."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pyte
import pytest

from tests.conftest import FINISHED, record_sweep

pytest.importorskip("textual_serve", reason="the extra serve is not installed")

from aiohttp import ClientSession, ClientWebSocketResponse, DummyCookieJar, WSMsgType, WSServerHandshakeError

WIDTH, HEIGHT = 100, 30
ELSEWHERE = "http://example.org"


class Served:
    """A server in a process of its own."""

    def __init__(self, runs: Path, *options: str) -> None:
        # As from a script: neither stdin nor stdout is a terminal, and the locale is C.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scaling_tui", *options, "serve", "--port", "0", "--runs", str(runs)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=runs.parent,
            env={**os.environ, "LC_ALL": "C", "TERM": "dumb"},
        )  # fmt: skip
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        self.url, _, self.token = self.address.partition("/?token=")
        self.host = urlsplit(self.url).netloc

    def apps(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Exit status and what was said."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=120)
        return self.process.returncode, said


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "runs"
    folder.mkdir()
    record_sweep(folder, FINISHED)
    return folder


@pytest.fixture(scope="module")
def served(runs: Path) -> Iterator[Served]:
    server = Served(runs)
    yield server
    server.end()


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield session


class Tab:
    """What a page does: it keeps a screen of what the server sends."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket, self.told = socket, list[list[object]]()
        self.written = b""
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)

    async def shows(self, reached: Callable[[str], bool]) -> str:
        while not reached(screen := "\n".join(self._screen.display)):
            await self._receive()
        return screen

    async def is_told(self, kind: str) -> object:
        while not (found := [message[1] for message in self.told if message[0] == kind]):
            await self._receive()
        return found[0]

    async def _receive(self) -> None:
        message = await self.socket.receive()
        assert message.type in (WSMsgType.BINARY, WSMsgType.TEXT), message
        if message.type == WSMsgType.TEXT:
            self.told.append(json.loads(message.data))
        else:
            self.written += message.data
            self._stream.feed(message.data)

    async def type(self, keys: str) -> None:
        await self.socket.send_json(["stdin", keys])

    async def resize(self, width: int, height: int) -> None:
        self._screen.resize(height, width)
        self._screen.reset()
        await self.socket.send_json(["resize", {"width": width, "height": height}])

    async def is_closed(self) -> None:
        while (await self.socket.receive()).type in (WSMsgType.BINARY, WSMsgType.TEXT):
            pass


@contextlib.asynccontextmanager
async def tab(client: ClientSession, served: Served) -> AsyncIterator[Tab]:
    address = f"{served.url}/ws?token={served.token}&width={WIDTH}&height={HEIGHT}"
    async with client.ws_connect(address, origin=served.url) as opened:
        yield Tab(opened)


def until(reached: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_listens_on_this_computer_only_and_keeps_the_token_to_itself(served: Served) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{40,}", served.address)
    process = psutil.Process(served.process.pid)
    assert {one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert served.token not in " ".join([*process.cmdline(), *process.environ().values()])


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/page/page.js", "/download/x", "/nothing"])
async def test_nothing_is_told_without_the_token(served: Served, client: ClientSession, path: str) -> None:
    for given in ("", "?token=", "?token=é", f"?token={served.token[:-1]}", f"?token={served.token}x"):
        async with client.get(served.url + path + given) as answer:
            assert answer.status == 403
            assert not answer.cookies
            assert served.token not in await answer.text()
    for cookie in ("", served.token[1:], "é"):
        headers = {"Cookie": f"scaling-tui-{served.host.partition(':')[2]}={cookie}"}
        async with client.get(served.url + path, headers=headers) as answer:
            assert answer.status == 403
    assert not served.apps()


async def test_the_first_good_request_gives_a_cookie_that_is_as_good(served: Served, client: ClientSession) -> None:
    async with client.get(served.address) as answer:
        assert answer.status == 200
        ((name, cookie),) = answer.cookies.items()
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert "text/html" in answer.headers["Content-Type"]
    headers = {"Cookie": f"{name}={cookie.value}"}
    for path in ("/", "/static/js/textual.js", "/page/page.js", "/page/page.css"):
        async with client.get(served.url + path, headers=headers) as answer:
            assert answer.status == 200
    async with client.ws_connect(f"{served.url}/ws", headers=headers, origin=served.url) as opened:
        assert not opened.closed


@pytest.mark.parametrize("name", ["example.org", "127.0.0.1.example.org", "localhost.example.org", "127.0.0.1@x", ""])
async def test_another_name_of_this_computer_is_refused(served: Served, client: ClientSession, name: str) -> None:
    """As a page does whose name is made to point here."""
    for path in ("/", "/ws"):
        async with client.get(f"{served.url}{path}?token={served.token}", headers={"Host": name}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("name", ["localhost:{}", "127.0.0.1:1234", "LOCALHOST:1234", "[::1]:{}"])
async def test_a_tunnel_may_begin_at_another_port_and_name(served: Served, client: ClientSession, name: str) -> None:
    host = name.format(served.host.partition(":")[2])
    address = f"{served.url}/ws?token={served.token}"
    async with client.ws_connect(address, origin=f"http://{host}", headers={"Host": host}) as opened:
        assert not opened.closed


@pytest.mark.parametrize("origin", [ELSEWHERE, "null", "https://{}", "http://{}.example.org", "http://127.0.0.1:1"])
async def test_a_page_of_another_server_is_refused(served: Served, client: ClientSession, origin: str) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect(f"{served.url}/ws?token={served.token}", origin=origin.format(served.host))
    assert refused.value.status == 403


async def test_the_page_needs_nothing_from_elsewhere(served: Served, client: ClientSession) -> None:
    async with client.get(served.address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
    assert "default-src 'none'" in policy
    assert "http" not in policy
    seen, wanted = set[str](), set(re.findall(r'(?:src|href)="(/[^"]*)"', page))
    assert len(wanted) == 4
    while wanted:
        path = wanted.pop()
        seen.add(path)
        async with client.get(f"{served.url}{path}?token={served.token}") as answer:
            assert answer.status == 200, path
            if path.endswith(".css"):
                text = await answer.text()
                assert "//" not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
                wanted |= set(re.findall(r'url\("(/[^"]*)"\)', text)) - seen
    assert any(path.endswith(".ttf") for path in seen), "the font is here too"
    assert "//" not in page.replace("<!DOCTYPE", "")


async def test_a_tab_shows_the_app_which_answers_keys_and_a_new_size(served: Served, client: ClientSession) -> None:
    async with tab(client, served) as page:
        screen = await page.shows(lambda screen: "HOME" in screen and "quickstart" in screen)
        assert not screen.isascii(), "a browser takes UTF-8 whatever the locale"
        assert b"[38;2;" in page.written, "in all colours"
        await page.type("3")
        await page.shows(lambda screen: "LIVE" in screen and "quickstart · finished" in screen)
        await page.resize(60, 20)
        await page.shows(lambda screen: "help" in screen.splitlines()[-1])
        (app,) = served.apps()
        assert served.token not in " ".join([*app.cmdline(), *app.environ().values()])
        await page.type("q")
        await page.is_closed()
        app.wait(60)


async def test_each_tab_has_an_app_of_its_own_which_ends_with_it(served: Served, client: ClientSession) -> None:
    until(lambda: not served.apps())
    async with tab(client, served) as first:
        await first.shows(lambda screen: "HOME" in screen)
        async with tab(client, served) as second:
            await second.type("4")
            await second.shows(lambda screen: "LAW" in screen)
            assert len(served.apps()) == 2
        until(lambda: len(served.apps()) == 1)
        await first.type("?")
        await first.shows(lambda screen: "esc closes" in screen)
    until(lambda: not served.apps())


async def test_what_is_no_message_of_the_page_is_passed_over(served: Served, client: ClientSession) -> None:
    async with tab(client, served) as page:
        await page.shows(lambda screen: "HOME" in screen)
        for nonsense in ("", "[", "null", "[]", '["stdin"]', '["stdin", 7]', "[" * 5000, '["resize", {"width": "x"}]'):
            await page.socket.send_str(nonsense)
        await page.socket.send_json(["resize", {"width": 10**9, "height": -3}])
        await page.resize(WIDTH - 1, HEIGHT)
        await page.shows(lambda screen: "HOME" in screen)
        await page.type("\ud800?")
        await page.shows(lambda screen: "esc closes" in screen)


async def test_an_export_is_a_download(served: Served, client: ClientSession, runs: Path) -> None:
    before = set(runs.parent.iterdir())
    async with tab(client, served) as page:
        await page.type("3")
        await page.shows(lambda screen: "quickstart · finished" in screen)
        await page.type("e")
        await page.shows(lambda screen: "Write what to a file?" in screen)
        await page.type("\x1b[B\x1b[B\x1b[B\r")
        key = await page.is_told("deliver_file_start")
        address = f"{served.url}/download/{key}"
        async with client.get(address) as answer:
            assert answer.status == 403
        fetch = asyncio.create_task(_fetched(client, f"{address}?token={served.token}"))
        await page.shows(lambda screen: "Sent to the browser" in screen)
        status, disposition, content = await fetch
        assert status == 200
        assert re.fullmatch(r"attachment; filename\*=UTF-8''quickstart-[\w-]+\.csv", disposition)
        head, *rows = content.splitlines()
        assert head.startswith("series,")
        assert len(rows) > 7
        async with client.get(f"{address}?token={served.token}") as answer:
            assert answer.status == 404
    assert set(runs.parent.iterdir()) == before, "nothing is written here"


async def _fetched(client: ClientSession, address: str) -> tuple[int, str, str]:
    async with client.get(address) as answer:
        return answer.status, answer.headers.get("Content-Disposition", ""), await answer.text()


def _send(server: Served, request: bytes) -> None:
    host, _, port = server.host.partition(":")
    with socket.create_connection((host, int(port))) as plain:
        plain.sendall(request)
        assert b" 400 " in plain.recv(100)


async def test_ctrl_c_ends_every_app(runs: Path, client: ClientSession) -> None:
    server = Served(runs)
    async with tab(client, server) as first, tab(client, server) as second:
        for page in (first, second):
            await page.shows(lambda screen: "HOME" in screen)
        apps = server.apps()
        _send(server, b"\x16\x03\x01 nothing of HTTP")
        _send(server, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nCookie: \x1b[31m\r\n\r\n")
        status, said = await asyncio.to_thread(server.end)
        assert status == 130
        assert not [app for app in apps if app.is_running() and app.status() != psutil.STATUS_ZOMBIE]
        assert len(said.splitlines()) == 3, said
        port = server.host.partition(":")[2]
        assert f"ssh -N -L {port}:127.0.0.1:{port} " in said
        assert server.token not in said


async def test_an_app_that_does_not_answer_is_ended_too(runs: Path, client: ClientSession) -> None:
    server = Served(runs)
    async with tab(client, server) as page:
        await page.shows(lambda screen: "HOME" in screen)
        (app,) = server.apps()
        app.suspend()
    app.wait(60)
    assert server.end(signal.SIGTERM)[0] == 128 + signal.SIGTERM


async def test_apps_do_not_outlive_a_server_that_is_killed(runs: Path, client: ClientSession) -> None:
    server = Served(runs)
    async with tab(client, server) as page:
        await page.shows(lambda screen: "HOME" in screen)
        (app,) = server.apps()
        await asyncio.to_thread(server.end, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            app.wait(60)


async def test_options_reach_the_apps(runs: Path, client: ClientSession) -> None:
    server = Served(runs, "--ascii", "--slow-link", "--theme", "light")
    async with tab(client, server) as page:
        assert (await page.shows(lambda screen: "HOME" in screen)).isascii()
        (app,) = server.apps()
        assert {"--ascii", "--slow-link", "light"} <= set(app.cmdline())
    assert server.end()[0] == 130


def command(*args: str, code: str = "pass") -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.argv[0] = 'scaling-tui'; {code}; from scaling_tui.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_what_is_wrong_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"scaling-tui: --port {port}: another program has it; want a free port, or 0 for any\n"
    done = command("--theme", "nosuch", "serve", "--port", "0")
    assert done.returncode == 2
    assert done.stderr.startswith("scaling-tui: --theme 'nosuch': not known")
    assert done.stderr.count("\n") == 1
    assert command("serve", "--port", "65536").returncode == 2


@pytest.mark.parametrize("missing", ["textual_serve", "aiohttp"])
def test_without_the_extra_one_line_names_it(missing: str) -> None:
    done = command("serve", "--port", "0", code=f"sys.modules[{missing!r}] = None")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"scaling-tui: serve: needs {missing}, which is not installed; run pip install 'scaling-tui[serve]'\n"
    )


def test_an_app_of_any_server_of_textual_starts_and_ends_with_its_pipe(runs: Path) -> None:
    driver = "textual.drivers.web_driver:WebDriver"
    environment = {**os.environ, "TEXTUAL_DRIVER": driver, "COLUMNS": "90", "ROWS": "20"}
    app = subprocess.Popen(
        [sys.executable, "-m", "scaling_tui", "--runs", str(runs)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True,
    )  # fmt: skip
    assert app.stdout and app.stdin
    assert app.stdout.readline() == b"__GANGLION__\n"
    seen = b""
    while b"HOME" not in seen:
        seen += os.read(app.stdout.fileno(), 1 << 16)
    assert app.poll() is None
    app.stdin.close()
    assert app.wait(60) != 0
    app.stdout.close()
