"""The server: the page, the socket of each tab, and downloads. The only file that imports textual-serve, an extra.

Of textual-serve it uses the terminal that runs in the browser (static files) and the way of speaking to an app over its
pipes. Its own server is not used: it has no authentication, its page loads a font from elsewhere, it starts the app
through a shell and waits for its end for ever.
"""

import asyncio
import errno
import json
import logging
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import textual_serve
from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from scaling_tui import InputError
from scaling_tui.web.access import Access, cookie_name

ADDRESS = "127.0.0.1"
GRACE_S = 3.0  # that an app has to end by itself
SHUTDOWN_S = 2 * GRACE_S
DOWNLOAD_S = 30.0  # that an app has for the next piece of a file
PIECE = 1 << 16  # bytes of a file that are asked for at once
HEARTBEAT_S = 15.0  # without an answer for half as long, a tab is gone
LARGEST_MESSAGE = 1 << 20  # bytes of what a browser sends at once, which a pasted text may be
MOST_CELLS = 1000  # columns or lines of a window
PAGE = Path(__file__).parent / "page"
TERMINAL = Path(textual_serve.__file__).parent / "static"
FILES = ("/page/", "/static/")
LINKS = ("http", "https", "mailto")
# Nothing is fetched from elsewhere or shown in a frame, and no script runs but those of this server.
CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
Sent = TypeVar("Sent", str, bytes)


class Downloads(DownloadManager):
    """The files that apps have announced to their pages."""

    async def take(self, key: str) -> tuple[str, bytes]:
        """The name and the content of a file, once: whole or not at all.

        Raises:
            KeyError: there is none with this key.
            ConnectionError: its app has ended.
            TimeoutError: its app does not answer.
        """
        file = self._active_downloads[key]
        content = bytearray()
        try:
            while True:
                if not await file.app_service.send_meta(
                    {"type": "deliver_chunk_request", "key": key, "size": PIECE, "name": file.name}
                ):
                    raise ConnectionResetError
                async with asyncio.timeout(DOWNLOAD_S):
                    piece = await file.incoming_chunks.get()
                if piece is None:
                    raise ConnectionResetError
                if not piece:
                    return file.file_name, bytes(content)
                content += piece
        finally:
            self._active_downloads.pop(key, None)


class AppProcess(AppService):
    """One app and the pipes to it. It never outlives its tab for more than `GRACE_S`."""

    def __init__(self, command: Sequence[str], page: web.WebSocketResponse, downloads: DownloadManager) -> None:
        async def close() -> None:
            await page.close()

        super().__init__(
            "",
            write_bytes=_unless_gone(page.send_bytes),
            write_str=_unless_gone(page.send_str),
            close=close,
            download_manager=downloads,
        )
        self.argv = tuple(command)

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(width, height)
        return {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        # A session of its own: ctrl+c is for the server, which ends its apps in order. Errors go where the server's go.
        process = await asyncio.create_subprocess_exec(
            *self.argv, stdin=PIPE, stdout=PIPE, env=self._build_environment(width, height), start_new_session=True
        )
        process.stderr = asyncio.StreamReader()
        process.stderr.feed_eof()
        self._process, self._stdin = process, process.stdin
        return process

    async def run(self) -> None:
        """Relays until the app ends, and closes the page then, also if the app said nothing."""
        try:
            await super().run()
        finally:
            await self.remote_close()

    async def on_meta(self, data: bytes) -> None:
        """Passes on what the app tells; links only to where a browser may be sent by a text."""
        told = json.loads(data)
        if told["type"] != "open_url" or urlsplit(str(told["url"])).scheme in LINKS:
            await super().on_meta(data)

    async def on_message(self, text: str) -> str | None:
        """Obeys a message of the page; what cannot be read is passed over. Returns the answer, if it has one."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return None
        match message:
            case ["stdin", str(typed)]:
                await self.send_bytes(typed.encode(errors="ignore"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await self.set_terminal_size(_cells(width), _cells(height))
            case ["focus", *_]:
                await self.focus()
            case ["blur", *_]:
                await self.blur()
            case ["ping", str(sent)]:
                return json.dumps(["pong", sent])
        return None

    async def stop(self) -> None:
        """Asks the app to end, and ends it if it does not within `GRACE_S`."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        try:
            await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
            async with asyncio.timeout(GRACE_S):
                await self.send_meta({"type": "quit"})
                await process.wait()
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            task.cancel()
            await asyncio.wait([task])


def _unless_gone(send: Callable[[Sent], Awaitable[None]]) -> Callable[[Sent], Awaitable[None]]:
    """`send`, which drops what a closed tab can no longer get: an app that is not read from could not end."""

    async def sent(data: Sent) -> None:
        with suppress(ConnectionError):
            await send(data)

    return sent


def _cells(number: int) -> int:
    return min(max(number, 1), MOST_CELLS)


class Server:
    """Answers browsers that have the token, and keeps an app for each open tab."""

    def __init__(self, command: Sequence[str]) -> None:
        self.access = Access()
        self._command = command
        self._downloads = Downloads()
        self._apps: set[AppProcess] = set()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._admit])
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._tab),
                web.get("/download/{key}", self._download),
                web.static("/page", PAGE),
                web.static("/static", TERMINAL),
            ]
        )
        application.on_response_prepare.append(_protect)
        application.on_shutdown.append(self._end_apps)
        return application

    @web.middleware
    async def _admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [])
        given = request.query.getall("token", [])
        cookie = request.cookies.get(cookie_name(hosts[0])) if hosts else None
        refusal = self.access.refusal(
            hosts, request.headers.getall("Origin", []), [*given, *([cookie] if cookie else [])]
        )
        if refusal is not None:
            return web.Response(status=403, text=f"403: {refusal}\n")
        return await handler(request)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        page = web.Response(text=(PAGE / "index.html").read_text(encoding="utf-8"), content_type="text/html")
        page.set_cookie(cookie_name(request.host), self.access.token, httponly=True, samesite="Strict", path="/")
        return page

    async def _tab(self, request: web.Request) -> web.StreamResponse:
        page = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=LARGEST_MESSAGE)
        await page.prepare(request)
        app = AppProcess(self._command, page, self._downloads)
        self._apps.add(app)
        try:
            await app.start(_asked_cells(request, "width", 80), _asked_cells(request, "height", 24))
            async for message in page:
                if message.type == WSMsgType.TEXT and (answer := await app.on_message(message.data)):
                    await app.remote_write_str(answer)
        finally:
            await app.stop()
            self._apps.discard(app)
        return page

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A file that an app has announced to its page."""
        try:
            name, content = await self._downloads.take(request.match_info["key"])
        except KeyError:
            raise web.HTTPNotFound(text="404: no such download\n") from None
        except (ConnectionError, TimeoutError):
            raise web.HTTPGatewayTimeout(text="504: the app has ended or does not answer\n") from None
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return web.Response(
            body=content, content_type="application/octet-stream", headers={"Content-Disposition": disposition}
        )

    async def _end_apps(self, application: web.Application) -> None:
        await asyncio.gather(*(app.stop() for app in tuple(self._apps)))


def _asked_cells(request: web.Request, name: str, default: int) -> int:
    asked = request.query.get(name, "")
    return _cells(int(asked)) if asked.isdecimal() and len(asked) < 6 else default


async def _protect(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    kept = request.path.startswith(FILES) and response.status in (200, 304)
    response.headers["Cache-Control"] = "private, no-cache" if kept else "no-store"


class OneLine(logging.Handler):
    """Says on stderr what went wrong. That somebody sends what is not HTTP is answered, and not told."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            why = f": {type(error).__name__}: {error}" if error else ""
            print(" ".join(f"serve: {record.getMessage()}{why}".split()), file=sys.stderr)


def run(command: Sequence[str], port: int, announce: Callable[[int, str], None]) -> int:
    """As `scaling_tui.web.serve`, which imports this."""
    # A tab or an app that is gone is an error to pass over, not the end of the server.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    logging.basicConfig(handlers=[OneLine()])
    listener = _listen(port)
    server = Server(command)
    announce(listener.getsockname()[1], server.access.token)
    # What textual-serve prints from now on are words, not data.
    with redirect_stdout(sys.stderr):
        return 128 + asyncio.run(_serve(server, listener))


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen()
    except OSError as error:
        listener.close()
        found = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
        raise InputError(f"--port {port}: {found}; want a free port, or 0 for any") from None
    return listener


async def _serve(server: Server, listener: socket.socket) -> int:
    """Serves until a signal asks to end, and returns its number."""
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[int] = loop.create_future()

    def ask(number: int) -> None:
        if not asked.done():
            asked.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    # No access log: addresses hold the token.
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        return await asked
    finally:
        await runner.cleanup()
