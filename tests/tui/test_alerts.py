"""Alerts in the app: on every screen, once, and never for what happened before it was opened."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scaling_tui.sweeps.listing import Listing
from scaling_tui.text.visible import HARMFUL
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.services import desktop
from scaling_tui.tui.services.alerts import Alerts
from scaling_tui.tui.terminal import Appearance
from tests.conftest import record_sweep
from tests.tui.conftest import until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]


def set_state(sweep: Path, folder: str, state: str, reason: str = "") -> None:
    path = sweep / folder / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"state": state, "reason": reason}))


def painted(app: ScalingApp) -> str:
    return "".join(segment.text for line in app.screen._compositor.render_strips() for segment in line)


def test_only_what_happens_from_now_on_is_told_and_once(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, [*["finished"] * 3, "failed", "running", "running", "queued"])
    alerts = Alerts(Listing(tmp_path))
    assert alerts.look() == alerts.look() == []
    set_state(sweep, "r5-s0/attempt-1", "diverged", "loss is inf")
    (alert,) = alerts.look()
    assert (alert.text, alert.severity, alert.calls) == (
        "quickstart: r5-s0 diverged at 45 %: loss is inf", "error", True,
    )  # fmt: skip
    assert alerts.look() == []
    set_state(sweep, "r6-s0/attempt-1", "finished")
    set_state(sweep, "supervisor-1", "failed")
    (alert,) = alerts.look()
    assert alert.text.startswith("quickstart ended, failed: ")
    assert alerts.look() == []
    assert Alerts(Listing(tmp_path)).look() == [], "who opens the app again is not told again"


def test_a_sweep_that_was_launched_since_is_told_of_from_its_beginning(tmp_path: Path) -> None:
    alerts = Alerts(Listing(tmp_path))
    assert alerts.look() == []
    record_sweep(tmp_path, [*["finished"] * 3, "failed", "running", "running", "queued"])
    (alert,) = alerts.look()
    assert alert.text == "quickstart: r4-s0 failed at 45 %"


@pytest.mark.parametrize("bell", [True, False])
async def test_another_screen_is_called_and_the_bell_can_be_turned_off(
    tmp_path: Path, bell: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMUX", "STY", "TERM_PROGRAM", "LC_TERMINAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "foot")
    monkeypatch.setattr("scaling_tui.tui.app.ALERTS_EVERY_S", 0.05)
    rung: list[str] = []
    monkeypatch.setattr(ScalingApp, "bell", lambda self: rung.append("bell"))
    monkeypatch.setattr(ScalingApp, "_send", lambda self, sequence: rung.append(sequence))
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="plan", appearance=Appearance(bell=bell))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: bool(app.alerts._known))
        set_state(sweep, "r5-s0/attempt-1", "failed", "[b]\x1b]9;evil\x07")
        await until(pilot, lambda: len(app._notifications) == 1)
        (toast,) = app._notifications
        assert toast.message == "quickstart: r5-s0 failed at 45 %: [b]␛]9;evil␇"
        await until(pilot, lambda: "evil␇" in painted(app))
        assert "[b]␛]9;evil␇" in painted(app)
        assert not HARMFUL.search(painted(app))
        looked = app.alerts.looks
        await until(pilot, lambda: app.alerts.looks > looked + 2)
        assert len(app._notifications) == 1, "later looks tell nothing new"
    told = "\x1b]777;notify;scaling-tui;quickstart: r5-s0 failed at 45 %: [b]␛]9,evil␇\x1b\\"
    assert rung == (["bell", told] if bell else [])


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "foot"}, "777"),
        ({"TERM": "xterm-kitty"}, "9"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "777"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "9"),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, None),
        ({"TERM": "linux"}, None),
        ({}, None),
    ],
)
def test_only_a_terminal_that_is_known_to_take_it_is_sent_a_notification(
    environment: dict[str, str], protocol: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "TMUX", "STY", "TERM_PROGRAM", "LC_TERMINAL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert desktop.protocol_of(environment) == protocol
    assert desktop.notification("x").startswith(f"\x1b]{protocol};" if protocol else "") is True
    assert bool(desktop.notification("x")) == bool(protocol)
    assert desktop.notification("x", in_browser=True) == ""
    monkeypatch.setenv("STY", "1.screen")
    assert desktop.notification("x") == ""


@pytest.mark.parametrize("protocol", ["9", "777"])
def test_no_text_ends_a_notification_or_begins_another(protocol: desktop.Protocol) -> None:
    evil = "4;3;100 \x1b\\\x07\x9c\n\t\u202e;" + "x" * 5000
    sent = desktop.sequence(evil, protocol)
    inner = sent.removeprefix(f"\x1b]{protocol};").removesuffix("\x1b\\")
    assert not HARMFUL.search(inner)
    assert "\n" not in inner
    assert len(inner) < 240
    assert inner.count(";") == (2 if protocol == "777" else inner.count(";"))
    assert not inner[0].isdigit()


TMUX_SAYS = [
    ("1|xterm-kitty|", "\x1bPtmux;\x1b\x1b]9;scaling-tui: x\x1b\x1b\\\x1b\\"),
    ("all|xterm-256color|WezTerm 20240203", "\x1bPtmux;\x1b\x1b]777;notify;scaling-tui;x\x1b\x1b\\\x1b\\"),
    ("on|xterm-256color|", ""),
    ("0|xterm-kitty|kitty(0.36)", ""),
    ("", ""),
]


@pytest.mark.parametrize(("says", "sent"), TMUX_SAYS)
def test_in_tmux_the_terminal_around_it_counts(
    says: str, sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "tmux"
    fake.write_text(f"#!/bin/sh\necho '{says}'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    monkeypatch.setenv("TERM", "foot")
    monkeypatch.delenv("STY", raising=False)
    assert desktop.notification("x") == sent


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_tmux_tells_what_we_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("TERM", "screen")

    def tmux(*words: str) -> str:
        command = ["tmux", "-S", str(tmp_path / "socket"), "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    tmux("new-session", "-d", "cat")
    try:
        if not tmux("show-options", "-gv", "allow-passthrough"):
            pytest.skip("this tmux is older than 3.3")
        found = []
        for setting in ("off", "on"):
            tmux("set", "-g", "allow-passthrough", setting)
            found.append(tmux("display-message", "-p", "#{allow-passthrough}"))
        assert found[1] in ("1", "on")
        assert found[0] in ("0", "off")
    finally:
        tmux("kill-server")
