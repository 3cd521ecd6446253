"""A headless Chromium: its place, the mark of tests that need it, a page loaded once, and a page under remote control.

The remote control speaks the Chrome DevTools Protocol over two pipes, without any other library.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium")

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_S = 300.0


def dump_page(html: str, folder: Path, *flags: str) -> str:
    """Load a page, let its scripts run, and return the document; fail if the browser logged anything on its console."""
    page = folder / "page.html"
    page.write_text(html, encoding="utf-8")
    command = [str(CHROMIUM), *_FLAGS, *flags, "--enable-logging=stderr", f"--user-data-dir={folder / 'user'}"]
    process = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=False, timeout=600
    )
    assert "CONSOLE" not in process.stderr
    return process.stdout


class Browser:
    """One page in a browser of its own; a context manager that leaves none behind. Files are saved in `folder`."""

    def __init__(self, folder: Path) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = ["bash", "-c", f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out} 2>/dev/null', str(CHROMIUM), *_FLAGS]
        command += ["--remote-debugging-pipe", "about:blank", f"--user-data-dir={folder / 'user'}"]
        self._process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out))
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._held, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for room in ("Runtime", "Log", "Network", "Page"):
            self.call(f"{room}.enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith("Browser."):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _PATIENCE_S
        while True:
            found = self._message(end)
            if found.get("id") == self._number:
                assert "error" not in found, found
                return dict(found["result"])
            self.events.append(found)

    def _message(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._held:
            with selectors.DefaultSelector() as waiting:  # select() knows no more than 1024 descriptors
                waiting.register(self._in, selectors.EVENT_READ)
                assert waiting.select(max(0.0, end - time.monotonic())), "the browser says nothing"
            self._held += os.read(self._in, 1 << 20)
        text, _, self._held = self._held.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found

    def open(self, page: Path) -> None:
        """Load a file and wait until it stands."""
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.until(lambda: any(event.get("method") == "Page.loadEventFired" for event in self.events))

    def until(self, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not holds():
            assert time.monotonic() < end, "it did not come to that"
            self.value("1")
            time.sleep(0.05)

    def value(self, script: str) -> Any:
        """What an expression is worth in the page; promises are waited for."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key, as a person presses it: a letter, a digit, a space, Enter or Escape."""
        text = {"Enter": "\r", "Escape": ""}.get(key, key)
        code = {"Enter": 13, "Escape": 27}.get(key, ord(key.upper()[0]))
        more = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def write(self, text: str) -> None:
        for letter in text:
            self.press(letter)

    @property
    def complaints(self) -> list[str]:
        """Everything in the console, and every exception."""
        named = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event) for event in self.events if event.get("method") in named]

    @property
    def fetched(self) -> list[str]:
        """Addresses that were asked for, without what stands in the page itself."""
        asked = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("data:", "blob:"))]
