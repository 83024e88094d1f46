"""The keys of every plot: the crosshair, and the limits of the axes."""

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.binding import Binding

from scaling_tui.plots.limits import Limits, range_text, read_limits
from scaling_tui.tui.widgets.ask import Ask
from scaling_tui.tui.widgets.plot import ZOOM, Plot

if TYPE_CHECKING:
    from textual.screen import Screen

    Base = Screen[None]
else:
    Base = object

CROSSHAIR = (
    Binding("left", "crosshair(-1)", "crosshair", show=False, tooltip="Move the crosshair left"),
    Binding("right", "crosshair(1)", "crosshair", show=False, tooltip="Move the crosshair right"),
    Binding("shift+left", "crosshair(-10)", "crosshair", show=False, tooltip="Move the crosshair far left"),
    Binding("shift+right", "crosshair(10)", "crosshair", show=False, tooltip="Move the crosshair far right"),
    Binding("backspace", "no_crosshair", "no crosshair", show=False, tooltip="Remove the crosshair"),
)
AXES = (
    Binding("plus", "zoom(1)", "zoom in", show=False, tooltip="Zoom in at the crosshair; also the wheel, or a box"),
    Binding("minus", "zoom(-1)", "zoom out", show=False, tooltip="Zoom out; also the wheel"),
    *(
        Binding(keys, f"pan('{where}')", f"pan {where}", show=False, tooltip=tip)
        for keys, where, tip in (
            ("H,ctrl+left", "left", "Pan left; also drag with ctrl or the right button"),
            ("L,ctrl+right", "right", "Pan right"),
            ("K,ctrl+up", "up", "Pan up"),
            ("J,ctrl+down", "down", "Pan down"),
        )
    ),
    Binding("equals_sign", "limits", "limits", show=False, tooltip="Set the limits of the axes"),
    Binding(
        "asterisk", "follow_data", "reset", show=False, tooltip="Reset the axes to follow the data; also double click"
    ),
    Binding("A", "whole", "all values", show=False, tooltip="Show far-off values too, or cut them off again"),
)
PLOT_KEYS = (*CROSSHAIR, *AXES)


class PlotKeys(Base):
    """What the keys do, for a screen that lists them among its own and has a `plot`."""

    def plot(self) -> Plot:
        """The plot that the keys act on."""
        return self.query_one(Plot)

    def action_crosshair(self, by: int) -> None:
        self.plot().step(by)

    def action_no_crosshair(self) -> None:
        self.plot().cursor = None

    def action_zoom(self, direction: int) -> None:
        self.plot().zoom(ZOOM**direction)

    def action_pan(self, where: str) -> None:
        self.plot().pan(where)

    def action_follow_data(self) -> None:
        self.plot().follow_data()

    def action_whole(self) -> None:
        self.plot().show_whole()

    def action_limits(self) -> None:
        plot = self.plot()
        axes = plot.axes
        if axes is None:
            return
        shown = "  ".join(
            f"{name} {range_text((float(f'{axis.value(0.0):.4g}'), float(f'{axis.value(1.0):.4g}')))}"
            for name, axis in zip("xy", axes, strict=True)
        )
        hint = f"Now {shown}. An end that you leave out follows the data, as in y :3. Enter nothing to reset both axes."

        def put(limits: Limits | None) -> None:
            if limits is not None:
                plot.limits = replace(limits, whole=plot.limits.whole)

        self.app.push_screen(Ask("Limits of the axes:", hint, read_limits, str(plot.limits)), put)
