"""What the screens that also show a table of the user's own have in common: Law and Plan."""

from textual.binding import Binding

from scaling_tui.tui.live_page import LivePage
from scaling_tui.tui.services.table_form import OpenedTable

OPEN_TABLE = Binding("t", "table", "table", tooltip="Open a file of your own in place of the sweep, or go back to it")


class TablePage(LivePage):
    """A page that shows the table that is open, in place of the sweep: `table_changed` is told of every change."""

    @property
    def table(self) -> OpenedTable | None:
        return self.scaling_app.table

    def on_mount(self) -> None:
        self.watch(self.app, "table", self._table_changed, init=False)
        if self.table is not None:
            self.call_after_refresh(self.table_changed)

    def _table_changed(self) -> None:
        self.table_changed()

    def table_changed(self) -> None:
        """Another table is open, or none any more."""

    def action_table(self) -> None:
        """Opens a table; where one is open, goes back to the sweep."""
        if self.table is not None:
            self.scaling_app.table = None
        else:
            self.scaling_app.open_file()
