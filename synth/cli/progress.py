"""Show progress on stderr: a bar on a terminal, else a line at once and one every 30 seconds; nothing with `-q`."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

from synth.cli.output import error_line, state
from synth.cli.terminal import width
from synth.execute.local import RunProgress
from synth.text import clock_text, printable

_EVERY_SECONDS = 30.0  # between two lines of a log
_SHORT_SCAN_SECONDS = 10.0  # a scan that takes less has no line in a log
_REFRESH_SECONDS = 0.1  # between two pictures of the bar
_BAR_WIDTH = 20  # characters
_BESIDE_BAR = _BAR_WIDTH + 7  # the bar, the share in percent, and the gaps


class Screen:
    """The place where progress is shown. Used as a context, so that a bar never outlives an error."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._refreshed = 0.0
        self._phase = ""
        self._next_line = 0.0
        self._remaining = RemainingTime()

    def __enter__(self) -> Screen:
        if state.verbosity and sys.stderr.isatty() and not os.environ.get("CI"):
            self._bar = _terminal_bar()
            state.print_above_bar = self._print_above
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state.print_above_bar = None
        if self._bar is not None:
            self._bar.stop()

    def message(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if state.verbosity:
            error_line(text)

    def _print_above(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def scanned(self, what: str, count: int, total: int | None) -> None:
        """Show the progress of a scan or a measurement: `count` files of `total`, if that is known."""
        text = f"{what}: {count:,}" + (f" of {total:,}" if total else "")
        if self._bar is not None:
            self._show(text, count, total)
        elif self._is_due(what, first_after=_SHORT_SCAN_SECONDS):
            self._log(text)

    def rendered(self, now: RunProgress) -> None:
        """Show the progress of the rendering."""
        remaining_s = self._remaining.seconds(now)
        if self._bar is not None:
            room = (width(sys.stderr) or 80) - _BESIDE_BAR
            self._show(rendering_text(now, remaining_s, room=room), now.passed_seconds, now.of_seconds)
        elif self._is_due("rendering", first_after=0.0):
            self._log(rendering_text(now, remaining_s))

    def _log(self, text: str) -> None:
        self.message(f"{time.strftime('%H:%M:%S')} {text}")

    def _is_due(self, phase: str, *, first_after: float) -> bool:
        """Whether a log needs a line now; the first one of a phase comes after `first_after` seconds."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._next_line = phase, now + first_after
        if now < self._next_line:
            return False
        self._next_line = now + _EVERY_SECONDS
        return True

    def _show(self, text: str, completed: float, total: float | None) -> None:
        if self._task is None:
            self._task = self._bar.add_task(text, total=total)
            self._bar.start()
        self._bar.update(self._task, description=printable(text), completed=completed, total=total)
        if time.monotonic() - self._refreshed > _REFRESH_SECONDS:
            self._refreshed = time.monotonic()
            self._bar.refresh()


class RemainingTime:
    """Estimates the remaining time of a run from the audio that it has rendered so far.

    The estimate falls steadily: it counts down between two clips, and it ignores an end that is only a little later
    than the last one. At the start, when a few clips would decide, there is none.
    """

    _ENOUGH_CLIPS, _ENOUGH_SHARE = 20, 0.1  # either is enough for an estimate
    _LATER = 1.1  # an end that is later than the last estimate by this factor replaces it

    def __init__(self) -> None:
        self._start: RunProgress | None = None  # the first report with a clip; before that, workers were starting
        self._end: float | None = None  # estimate, seconds after the start of the run
        self._passed = 0.0  # seconds of audio at the last estimate

    def seconds(self, now: RunProgress) -> float | None:
        """Estimate the seconds that remain; None if it is too early to say."""
        if self._start is None and now.passed_seconds:
            self._start = now
        few = now.clips + now.refused < self._ENOUGH_CLIPS
        if few and now.passed_seconds < self._ENOUGH_SHARE * now.of_seconds:
            return None
        is_new = now.passed_seconds != self._passed
        if is_new and self._start is not None and now.passed_seconds > self._start.passed_seconds:
            self._passed = now.passed_seconds
            self._update_end(now, self._start)
        return None if self._end is None else max(0.0, self._end - now.elapsed)

    def _update_end(self, now: RunProgress, start: RunProgress) -> None:
        rate = (now.passed_seconds - start.passed_seconds) / max(1e-3, now.elapsed - start.elapsed)
        end = now.elapsed + (now.of_seconds - now.passed_seconds) / rate
        if self._end is None or end < self._end or end > self._LATER * self._end or now.elapsed >= self._end:
            self._end = end


def rendering_text(now: RunProgress, remaining_s: float | None, *, room: int | None = None) -> str:
    """Describe progress: `288 of 524 clips, 0.81 of 1.47 h, 55 %, 228x real time, 0:00:15 left, 3 refused`.

    Args:
        now: the progress.
        remaining_s: seconds, if they are known.
        room: characters beside a bar, which shows the share; the less useful parts are left out if they do not fit.
    """
    speed = now.seconds / now.elapsed if now.elapsed > 0 else 0.0
    share = now.passed_seconds / now.of_seconds if now.of_seconds else 0.0
    parts = {
        "clips": f"{now.clips:,} of {now.of_clips:,} clips",
        "hours": f"{now.seconds / 3600:.2f} of {now.of_seconds / 3600:.2f} h",
        "share": f"{100 * share:.0f} %",
        "speed": f"{speed:,.0f}x real time" if speed else "",
        "remaining": "" if remaining_s is None else f"{clock_text(remaining_s)} left",
        "refused": f"{now.refused:,} refused" if now.refused else "",
    }
    if room is not None:
        parts["share"] = ""
        for name in ("speed", "hours", "refused"):
            if len(", ".join(filter(None, parts.values()))) > room:
                parts[name] = ""
    return ", ".join(filter(None, parts.values()))


def _terminal_bar() -> Any:
    """Make a bar of rich without its refreshing thread: a process with threads cannot fork its workers."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(bar_width=_BAR_WIDTH),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
    )
