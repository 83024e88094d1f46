"""The list of options in terminals too low to show any of it."""

from textual.app import App, ComposeResult

from scaling_tui.tui.widgets.options import Options


class Listed(App[None]):
    CSS = "Options { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield Options("one", "two", "three")


async def test_pages_of_a_list_that_has_no_room_are_no_error() -> None:
    async with Listed().run_test(size=(40, 1)) as pilot:
        options = pilot.app.query_one(Options)
        options.focus()
        options.styles.height = 0
        await pilot.pause()
        assert not options.scrollable_content_region.area
        await pilot.press("pagedown", "pageup")
        options.styles.height = 1
        await pilot.resize_terminal(40, 12)
        options.styles.height = 10
        await pilot.pause()
        await pilot.press("pagedown")
        assert options.highlighted == 2
