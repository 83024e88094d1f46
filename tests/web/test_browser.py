"""The app in a real browser, where there is one: Debian's Chromium, driven by Playwright.

    pytest tests/web/test_browser.py --basetemp=DIR

leaves pictures of Home and of a live sweep in DIR.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from scaling_tui.runs import make_request, read_sweep

pytest.importorskip("textual_serve", reason="the extra serve is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
    pytest.mark.timeout(900),  # a busy machine takes half a minute to start a browser
]

PATIENCE_S = 240.0


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "scaling_tui", "serve", "--port", "0", "--runs", "runs"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert server.stdout
    yield server.stdout.readline().strip()
    children = psutil.Process(server.pid).children()
    server.terminate()
    server.wait(60)
    assert not psutil.wait_procs(children, 60)[1]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1100, "height": 720}, accept_downloads=True)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(1000 * PATIENCE_S)
        page = context.new_page()
        # The terminal is drawn on a canvas; what it was sent is text.
        page.add_init_script(
            "window.received = '';"
            "const Socket = window.WebSocket; const utf8 = new TextDecoder();"
            "window.WebSocket = class extends Socket { constructor(...given) { super(...given);"
            "this.addEventListener('message', (event) => { if (typeof event.data !== 'string')"
            "window.received += utf8.decode(event.data, {stream: true}); }); } };"
        )
        yield page
        browser.close()


def until(page: Any, reached: Callable[[], object]) -> None:
    """Polls from here: the page's own policy lets nothing be evaluated in it."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, page.evaluate("window.received")[-2000:]
        page.wait_for_timeout(100)


def wait_for(page: Any, text: str) -> None:
    """Until the app has written `text`, and then until the terminal has drawn it."""
    until(page, lambda: text in re.sub(r"\x1b\[[0-9;?<]*[a-zA-Z]", "", page.evaluate("window.received")))
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")


def press(page: Any, key: str) -> None:
    page.evaluate("window.received = ''")
    page.keyboard.press(key)


def test_a_browser_shows_a_sweep_as_it_trains(tmp_path: Path, address: str, page: Any) -> None:
    requests, complaints = list[str](), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(address)
    wait_for(page, "HOME")
    wait_for(page, "Train the ladder quickstart")
    page.screenshot(path=tmp_path / "home.png")
    assert page.url == address.partition("?")[0], "the token is not left in the address bar"
    origin = page.url
    assert {re.sub(r"^ws:", "http:", url)[: len(origin)] for url in requests if not url.startswith("data:")} == {origin}
    assert page.evaluate("document.fonts.check('16px \"Roboto Mono\"')")

    launch = ["run", "quickstart", "--set", "tokens=1_000_000", "--device", "cpu", "--jobs", "2", "--detach"]
    command = [sys.executable, "-m", "scaling_tui", *launch, "--runs", "runs"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    sweep = tmp_path / "runs" / "quickstart"
    until(page, lambda: sum(run.state == "finished" for run in read_sweep(sweep).runs) >= 2)
    press(page, "3")
    wait_for(page, "quickstart · ")
    wait_for(page, "train loss")
    wait_for(page, "tok/s")
    page.wait_for_timeout(3000)  # for the picture: the curves are read and drawn
    page.screenshot(path=tmp_path / "live.png")
    assert read_sweep(sweep).state == "running"
    page.set_viewport_size({"width": 720, "height": 480})
    press(page, "1")
    wait_for(page, "HOME")
    press(page, "3")
    wait_for(page, "quickstart · ")
    page.screenshot(path=tmp_path / "live-small.png")
    page.set_viewport_size({"width": 1100, "height": 720})

    press(page, "e")
    wait_for(page, "Write what to a file?")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert coming.value.suggested_filename.endswith(".csv")
    assert Path(coming.value.path()).read_text().startswith("series,")

    make_request(sweep, "stop")
    until(page, lambda: read_sweep(sweep).state in ("stopped", "finished"))
    assert not complaints
    press(page, "q")
    page.wait_for_selector("#ended", state="visible")
    page.screenshot(path=tmp_path / "ended.png")
    page.evaluate("window.before = 1")
    page.keyboard.press("Enter")
    until(page, lambda: page.evaluate("window.before === undefined"))
    wait_for(page, "HOME")


def test_what_is_selected_reaches_the_clipboard(address: str, page: Any) -> None:
    page.goto(address)
    wait_for(page, "Train the ladder quickstart")
    press(page, "8")
    wait_for(page, "What scaling laws say")
    press(page, "Enter")
    wait_for(page, "own runs")
    page.mouse.move(100, 100)
    page.mouse.down()
    page.mouse.move(600, 300, steps=5)
    page.mouse.up()
    press(page, "Control+c")
    wait_for(page, "Sent to the clipboard")
    until(page, lambda: len(page.evaluate("navigator.clipboard.readText()").split()) > 3)
