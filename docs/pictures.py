"""Makes the gallery in docs/ from the app itself: `python docs/pictures.py [SWEEP]`, after `make run`.

SWEEP is the folder of a finished sweep; without it, the latest in ./runs. Every screen is taken at three sizes, with an
empty record of the tutor, and docs/gallery.md shows them.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from scaling_tui.runs import find_sweep
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.save_dialog import screen_svg

SIZES = ((120, 40), (80, 24), (50, 20))
SETTLES_S = 0.5  # a screen is taken once nothing on it has changed for this long
HERE = Path(__file__).parent


async def picture(sweep: Path, mode: str, size: tuple[int, int]) -> str:
    """An SVG of a screen, once it no longer changes."""
    app = ScalingApp(sweep.parent, sweep.name, mode=mode)
    async with app.run_test(size=size) as pilot:
        before, seen = "", " "
        # A trace comes from a process that has to load the model first.
        while seen != before or "Reading&#160;the&#160;checkpoint" in seen:
            await pilot.pause(SETTLES_S)
            before, seen = seen, screen_svg(app, f"scaling-tui · {mode}")
        return seen


def main() -> None:
    sweep = find_sweep(Path("runs"), sys.argv[1] if len(sys.argv) > 1 else None)
    lines = [
        "# Gallery",
        "",
        "Every screen at three sizes. `python docs/pictures.py` generates this page from a sweep of `quickstart`.",
        "",
    ]
    with tempfile.TemporaryDirectory() as empty:
        for name in ("DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{name}_HOME"] = empty
        for mode in MODES:
            lines += [f"## {mode.title}", "", f"{mode.help}.", ""]
            for width, height in SIZES:
                path = HERE / f"{mode.name}-{width}x{height}.svg"
                path.write_text(asyncio.run(picture(sweep, mode.name, (width, height))), encoding="utf-8")
                lines += [f"![{mode.title} at {width}×{height}]({path.name})", ""]
                print(path)
    (HERE / "gallery.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
