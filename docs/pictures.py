"""Makes the README's pictures from the app itself: `python docs/pictures.py [SWEEP]`, after `make run`.

SWEEP is the folder of a finished sweep; without it the latest in ./runs.
"""

import asyncio
import sys
from pathlib import Path

from textual.widgets import DataTable

from scaling_tui.runs import find_sweep
from scaling_tui.tui.app import ScalingApp

PICTURES = {"live-120x40": ((120, 40), ()), "live-80x24": ((80, 24), ()), "law-80x24": ((80, 24), ("l",))}


async def picture(sweep: Path, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    app = ScalingApp(sweep.parent, sweep.name)
    async with app.run_test(size=size) as pilot:
        table = app.screen.query_one("#rungs", DataTable)
        while not table.row_count:
            await pilot.pause(0.05)
        await pilot.press(*keys)
        await pilot.pause()
        return app.export_screenshot(title=f"scaling-tui · {sweep.name}")


def main() -> None:
    sweep = find_sweep(Path("runs"), sys.argv[1] if len(sys.argv) > 1 else None)
    for name, (size, keys) in PICTURES.items():
        path = Path(__file__).parent / f"{name}.svg"
        path.write_text(asyncio.run(picture(sweep, size, keys)), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
