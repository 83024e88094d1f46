"""Makes the moving picture of the README: `python docs/moving.py RUNS`, where RUNS holds a finished quickstart.

It opens the app in a pseudo-terminal, presses keys as a visitor would, and records what the terminal gets as an
asciicast (version 2, build/moving.cast, which `asciinema play` shows). An emulated terminal shows it at the same time.
Each scene, once it stands still, becomes a frame of docs/moving.svg: every line is stored once, and CSS shows the
frames in turn. The picture needs no script, and nothing from a network.
"""

import contextlib
import json
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fcntl import ioctl
from html import escape
from pathlib import Path

import pyte

HERE = Path(__file__).parent
CAST = HERE.parent / "build" / "moving.cast"
PICTURE = HERE / "moving.svg"
COLUMNS, LINES = 110, 32
QUIET_S = 1.2  # a key is pressed once no character has changed for so long
MOST_S = 180.0
CELL_W, CELL_H = 8.4, 18.0
NO_BREAK = "\N{NO-BREAK SPACE}"  # browsers take several blanks of an SVG for one
BACKGROUND, FOREGROUND = "#121212", "#e0e0e0"
NAMED = {
    "black": "#000000", "red": "#cd3131", "green": "#0dbc79", "brown": "#e5e510", "blue": "#2472c8",
    "magenta": "#bc3fbc", "cyan": "#11a8cd", "white": "#e5e5e5", "brightblack": "#666666", "brightred": "#f14c4c",
    "brightgreen": "#23d18b", "brightbrown": "#f5f543", "brightblue": "#3b8eea", "brightmagenta": "#d670d6",
    "brightcyan": "#29b8db", "brightwhite": "#ffffff",
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """Keys to press, words that the screen shows then, and how long the picture stays on it, in seconds."""

    keys: Sequence[str]
    shows: str
    shown_s: float


SCENES = (
    Scene((), "quickstart", 2.5),  # Home
    Scene(("3",), "predicted", 3.5),  # Live: the curve of every run, the law, prediction and measured loss
    Scene(("4",), "alpha", 3.0),  # Law
    Scene(("i", "fit alpha", "\r"), "certainty", 4.0),  # ask why: where a coefficient comes from
    Scene(("\x1b", "\x1b", "5"), "published", 3.0),  # Plan
    Scene(("8",), "scaling laws say", 3.0),  # Learn
    Scene(("9", "\r"), "hint", 4.0),
)


class Terminal:
    """The app in a pseudo-terminal: what it writes goes into the recording and onto an emulated screen.

    Args:
        events: what came, with the seconds since the start.
        screen: what a terminal shows of it.
    """

    def __init__(self, runs: Path, home: str) -> None:
        self.events: list[tuple[float, str]] = []
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self.screen)
        self._begin = time.monotonic()
        self.pid, self._end = pty.fork()
        if self.pid == 0:
            ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            homes = {f"XDG_{name}_HOME": f"{home}/{name.lower()}" for name in ("DATA", "CONFIG", "STATE", "CACHE")}
            terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
            words = [sys.executable, "-m", "scaling_tui", "--runs", str(runs), "--no-bell"]
            os.execvpe(words[0], words, os.environ | homes | terminal)

    def press(self, key: str) -> None:
        os.write(self._end, key.encode())

    def settle(self, shows: str = "") -> None:
        """Reads until the screen shows these words and nothing more comes."""
        until, cut = time.monotonic() + MOST_S, b""
        seen, since = self.screen.display, time.monotonic()
        while time.monotonic() < until:
            # A cursor that blinks changes colours, but no character.
            if self.screen.display != seen:
                seen, since = self.screen.display, time.monotonic()
            elif time.monotonic() - since > QUIET_S and any(shows in line for line in seen):
                return
            if not select.select([self._end], [], [], QUIET_S)[0]:
                continue
            new = os.read(self._end, 1 << 16)
            self._stream.feed(new)
            cut += new
            try:
                text, cut = cut.decode(), b""
            except UnicodeDecodeError:  # a character is cut in two
                continue
            self.events.append((time.monotonic() - self._begin, text))
        raise SystemExit(f"the screen does not show {shows!r}:\n" + "\n".join(self.screen.display))

    def close(self) -> None:
        self.press("\x11")  # ctrl+q
        with contextlib.suppress(OSError):  # the end of a pseudo-terminal is an error
            while os.read(self._end, 1 << 16):
                pass
        os.waitpid(self.pid, 0)


def record(runs: Path) -> tuple[list[tuple[float, str]], list[list[str]]]:
    """What the app writes to a terminal, and the lines of each scene, drawn, once it stands still."""
    with tempfile.TemporaryDirectory() as home:
        terminal, frames = Terminal(runs, home), []
        for scene in SCENES:
            for key in scene.keys[:-1]:
                terminal.press(key)
                terminal.settle()
            for key in scene.keys[-1:]:
                terminal.press(key)
            terminal.settle(scene.shows)
            frames.append([drawn(terminal.screen.buffer[line]) for line in range(LINES)])
        terminal.close()
        return terminal.events, frames


def save(events: list[tuple[float, str]], path: Path) -> None:
    """An asciicast, version 2."""
    path.parent.mkdir(exist_ok=True)
    head = {"version": 2, "width": COLUMNS, "height": LINES, "title": "scaling-tui", "env": {"TERM": "xterm-256color"}}
    lines = [json.dumps(head), *(json.dumps([round(at, 3), "o", text]) for at, text in events)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def colour(name: str, default: str) -> str:
    return default if name == "default" else NAMED.get(name, f"#{name}")


def drawn(row: dict[int, pyte.screens.Char]) -> str:
    """A line of the terminal as SVG: a rectangle for each stretch of background, a text for each of one style."""
    shapes, texts = [], []
    x = 0
    while x < COLUMNS:
        cell = row[x]
        end = x + 1
        while end < COLUMNS and row[end]._replace(data="") == cell._replace(data=""):
            end += 1
        ink, paper = colour(cell.fg, FOREGROUND), colour(cell.bg, BACKGROUND)
        ink, paper = (paper, ink) if cell.reverse else (ink, paper)
        if paper != BACKGROUND:
            width = (end - x) * CELL_W
            shapes.append(f'<rect x="{x * CELL_W:.1f}" width="{width:.1f}" height="{CELL_H + 0.3}" fill="{paper}"/>')
        text = "".join(row[place].data for place in range(x, end))
        if text.strip():
            begin = x + len(text) - len(text.lstrip())
            body = text.strip()
            extra = ' font-weight="bold"' if cell.bold else ""
            wide = f' textLength="{len(body) * CELL_W:.1f}"' if len(body) > 1 else ""
            kept = escape(body).replace(" ", NO_BREAK)
            texts.append(f'<text x="{begin * CELL_W:.1f}" y="13.5"{wide} fill="{ink}"{extra}>{kept}</text>')
        x = end
    return "".join(shapes + texts)


def moving(frames: list[list[str]]) -> str:
    """The picture: each distinct line is defined once, and each frame is shown for the time of its scene."""
    names = {line: f"l{n}" for n, line in enumerate(dict.fromkeys(line for frame in frames for line in frame if line))}
    total = sum(scene.shown_s for scene in SCENES)
    width, height = COLUMNS * CELL_W + 16, LINES * CELL_H + 16
    styles, groups, at = [], [], 0.0
    for n, (scene, frame) in enumerate(zip(SCENES, frames, strict=True)):
        begin, end = 100 * at / total, 100 * (at + scene.shown_s) / total
        before = f"0%,{begin:.3f}%{{visibility:hidden}}" if begin else ""
        after = f"{end:.3f}%,100%{{visibility:hidden}}" if end < 100 else ""
        styles.append(
            f"@keyframes k{n}{{{before}{begin + 0.001:.3f}%,{end - 0.001:.3f}%{{visibility:visible}}{after}}}"
            f"#f{n}{{animation:k{n} {total:g}s step-end infinite;visibility:{'hidden' if n else 'visible'}}}"
        )
        uses = "".join(f'<use href="#{names[line]}" y="{y * CELL_H:.1f}"/>' for y, line in enumerate(frame) if line)
        groups.append(f'<g id="f{n}">{uses}</g>')
        at += scene.shown_s
    # Who asked for less movement sees the second scene, Live.
    styles.append("@media(prefers-reduced-motion){g[id]{animation:none!important;visibility:hidden!important}"
                  "g#f1{visibility:visible!important}}")  # fmt: skip
    lines = "".join(f'<g id="{name}">{line}</g>' for line, name in names.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-size="14" '
        'xml:space="preserve" '
        "font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\">"
        "<title>scaling-tui: Home, Live, Law, Plan, Learn and Quiz</title>"
        f"<style>{''.join(styles)}</style><defs>{lines}</defs>"
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
        f'<g transform="translate(8 8)">{"".join(groups)}</g></svg>\n'
    )


def main() -> None:
    events, frames = record(Path(sys.argv[1]))
    save(events, CAST)
    PICTURE.write_text(moving(frames), encoding="utf-8")
    print(f"{PICTURE}, {PICTURE.stat().st_size / 1000:.0f} kB; {CAST}")


if __name__ == "__main__":
    main()
