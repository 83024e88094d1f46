"""The prediction game, a screen over the quiz: the learner's number against the law's, for one of their own runs."""

from asyncio import to_thread
from pathlib import Path
from threading import Event
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from scaling_tui import InputError
from scaling_tui.report.prediction_game import question_text, score_text
from scaling_tui.runs import SweepReader, SweepView, find_sweep
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, resumable, resume
from scaling_tui.text import show
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.page import Page
from scaling_tui.tui.services.own_runs import run_to_predict
from scaling_tui.tui.widgets.choose import Choose, lines_of
from scaling_tui.tutor import prediction_game
from scaling_tui.tutor.prediction_game import Challenge

LADDER = "quickstart"  # for a learner with no sweep to predict yet


class PredictionGameScreen(AppSized, Screen[None]):
    """Asks for the loss of one run, trains it if necessary, and scores. `sweep` is the sweep's folder."""

    ABOUT: ClassVar[str] = (
        "Predict the final loss of the largest run, in nats per token, from the smaller runs; the law predicts it too. "
        "The run is then trained, if necessary, and shows who was closer. Your answer is kept until then."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", tooltip="Go back to the quiz; training continues"),
    ]
    CSS = """
    PredictionGameScreen {
        #where { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { height: 1fr; padding: 1 1 0 1; }
        #question, #feedback { height: auto; max-width: 100; }
        #answer { border: none; height: 1; padding: 0 1; margin: 1 0 0 2; max-width: 80; background: $boost; }
        #read { height: auto; margin: 0 0 0 3; color: $text-muted; }
        #feedback { margin: 1 0 0 0; }
    }
    """

    def __init__(self, sweep: Path, challenge: Challenge, progress: Path | None = None, refresh_s: float = 0.5) -> None:
        super().__init__()
        self._path, self._challenge, self._progress, self._refresh_s = sweep, challenge, progress, refresh_s
        self._guess: float | None = None
        self._counts = challenge.measured is None
        self._stopped = Event()

    def compose(self) -> ComposeResult:
        challenge = self._challenge
        yield Static(Text(f"Predict, then run · {challenge.sweep} · {challenge.rung}", no_wrap=True), id="where")
        with VerticalScroll(id="body", can_focus=False):
            yield Static(Text(question_text(challenge)), id="question")
            yield Input(id="answer", placeholder="nats per token, e.g. 1.45", select_on_focus=False)
            yield Static(id="read")
            yield Static(id="feedback")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        field = self.query_one("#answer", Input)
        field.focus()
        try:
            waiting = prediction_game.kept(self._challenge, self._progress)
        except InputError as error:
            self.query_one("#read", Static).update(Text(str(error)))
            return
        if waiting is not None:
            self._counts = True
            self._guess, field.value = waiting, f"{waiting:g}"
            self.query_one("#read", Static).update(Text(f"You predicted {waiting:g} before it ended."))
            self._continue()

    def on_unmount(self) -> None:
        self._stopped.set()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows how the answer is read as it is typed."""
        if self._guess is not None or not event.value.strip():
            return
        try:
            text = f"read as {prediction_game.read_guess(event.value):g} nats per token"
        except InputError as error:
            text = str(error).removeprefix("answer: ")
        self.query_one("#read", Static).update(Text(text))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._guess is not None:
            self.dismiss()
            return
        try:
            self._guess = prediction_game.read_guess(event.value)
        except InputError as error:
            self.query_one("#read", Static).update(Text(f"not counted: {error}"))
            return
        if self._challenge.measured is None:
            try:
                prediction_game.keep(self._challenge, self._guess, self._progress)
            except InputError as error:
                self.notify(str(error), severity="warning", markup=False)
        self._continue()

    def _continue(self) -> None:
        if self._challenge.measured is None:
            self._set_feedback(f"{self._challenge.rung} is not trained yet.")
            self._train()
        else:
            self._score(self._challenge)

    def _set_feedback(self, text: str) -> None:
        self.query_one("#feedback", Static).update(Text(text))
        # The question may scroll off the top; the result must stay visible.
        self.query_one("#body", VerticalScroll).scroll_end(animate=False)

    def _score(self, challenge: Challenge) -> None:
        assert self._guess is not None
        scored = prediction_game.score(challenge, self._guess)
        text = score_text(challenge, scored, self._counts)
        try:
            if self._counts:
                prediction_game.record(challenge, scored, self._progress)
        except InputError as error:
            text += f"\n{error}"
        self._set_feedback(f"{text}\n\nenter  back to the quiz")

    @work(thread=True, exclusive=True)
    def _train(self) -> None:
        """Waits for the run to end; a sweep that is not training is resumed first."""
        reader, shown, resumed = SweepReader(self._path), "", False
        while not self._stopped.is_set():
            try:
                view = reader.poll()
                if not view.trains and not resumed and resumable(view):
                    resumed = True
                    resume(self._path)
                    view = reader.poll()
                text, challenge = self._progress_of(view)
            except (InputError, OSError) as error:
                text, challenge = str(error), None
            if challenge is not None:
                self.app.call_from_thread(self._score, challenge)
                return
            if text != shown:
                shown = text
                self.app.call_from_thread(self._set_feedback, text)
            self._stopped.wait(self._refresh_s)

    def _progress_of(self, view: SweepView) -> tuple[str, Challenge | None]:
        """The run's progress in words, or, once it has ended, the challenge with its loss."""
        run = view.run(self._challenge.run)
        if run is None:
            return f"{self._challenge.run} no longer exists.", None
        if run.state == "finished":
            return "", prediction_game.ended(self._challenge, run.loss)
        if run.state in ("failed", "diverged"):
            return f"{run.name} {run.state}: {run.reason}. Nothing to score.", None
        left = f", {show.duration(run.seconds_left)} left" if run.seconds_left is not None else ""
        waiting = "waiting for the others" if view.trains else run.state
        state = "training" if run.state == "running" else waiting
        progress = f"{run.name} is {state}: {show.percent(run.progress)}{left}."
        return f"{progress} Stay or come back later; your answer is kept.", None


async def predict_next_run(page: Page, progress: Path | None) -> None:
    """Plays on the sweep shown if it has finished rungs; else on the latest that has; else offers to launch one.

    It waits for the learner, so it runs in a worker of `page`.
    """
    shown = page.scaling_app.sweep
    try:
        challenge = await run_to_predict(page.runs, shown)
    except InputError as error:
        if shown is not None:
            page.notify(str(error), severity="warning", markup=False)
            return
        choices = [(LADDER, f"Launch {LADDER}; come back when its first rungs have finished"), ("", "Not now")]
        if ladder := await page.app.push_screen_wait(Choose(str(error), lines_of(choices))):
            await _launch(page, ladder)
        return
    path = find_sweep(page.runs, challenge.sweep)
    page.app.push_screen(PredictionGameScreen(path, challenge, progress, page.scaling_app.refresh_s))


async def _launch(page: Page, ladder: str) -> None:
    """Launches a ladder and shows it on Live."""
    try:
        sweep = await to_thread(launch, page.runs, load_ladder(ladder))
    except InputError as error:
        page.notify(str(error), severity="error", markup=False)
        return
    page.scaling_app.sweep = sweep.name
    await page.app.switch_mode("live")
