"""Progress on stderr: a bar on a terminal, else a line every 30 seconds; nothing with `-q`."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

from synth.execute.local import Progress

_EVERY_SECONDS = 30.0


class Screen:
    """Where progress goes. Used as a context, so that a bar never outlives an error."""

    def __init__(self, verbosity: int) -> None:
        self._verbosity = verbosity
        self._bar: Any = None
        self._task: Any = None
        self._said = time.monotonic()
        self._first: Progress | None = None

    def __enter__(self) -> Screen:
        if self._verbosity and sys.stderr.isatty() and not os.environ.get("CI"):
            self._bar = _terminal_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def message(self, text: str) -> None:
        """A line worth saying once."""
        if not self._verbosity:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stderr.write(f"{text}\n")

    def scanned(self, what: str, done: int, total: int | None) -> None:
        """Progress of the scan: files done, of how many where that is known."""
        text = f"{what}: {done:,}" + (f" of {total:,}" if total else "")
        if self._bar is not None:
            self._show(text, done, total)
        elif self._due():
            self.message(text)

    def rendered(self, now: Progress) -> None:
        """Progress of the rendering."""
        if self._bar is None and not self._due():
            return
        text = rendering_text(now)
        if self._bar is not None:
            self._show(text, now.shards, now.of_shards)
        else:
            self.message(text)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._said < _EVERY_SECONDS:
            return False
        self._said = now
        return True

    def _show(self, text: str, done: int, total: int | None) -> None:
        if self._task is None:
            self._task = self._bar.add_task(text, total=total)
            self._bar.start()
        self._bar.update(self._task, description=text, completed=done, total=total)
        if time.monotonic() - self._said > 0.1:
            self._said = time.monotonic()
            self._bar.refresh()


def rendering_text(now: Progress) -> str:
    """`12/40 shards, 1,536 clips, 1.70 h, 412x real time, 0:02:10 left, 3 refused`."""
    speed = now.seconds / now.elapsed if now.elapsed > 0 else 0.0
    parts = [
        f"{now.shards:,}/{now.of_shards:,} shards",
        f"{now.clips:,} clips",
        f"{now.seconds / 3600:.2f} h",
        f"{speed:,.0f}x real time",
    ]
    if now.shards:
        left = now.elapsed / now.shards * (now.of_shards - now.shards)
        parts.append(f"{int(left) // 3600}:{int(left) % 3600 // 60:02}:{int(left) % 60:02} left")
    if now.refused:
        parts.append(f"{now.refused:,} refused")
    return ", ".join(parts)


def _terminal_bar() -> Any:
    """A bar of rich without its refreshing thread: a process with threads cannot fork its workers."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
    )
