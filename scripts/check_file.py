"""Check one file in about ten seconds: style, types, and the tests that mirror it (./check FILE calls this).

For a module of the package, the test is `tests/<room>/test_<module>.py`; if there is none, the tests of its room that
import it. For a test, the test itself. The import floors are always checked.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAMS: Final = Path(sys.executable).parent


def tests_of(file: Path) -> list[Path]:
    """Test files to run for a file of the repository, mirrored ones first."""
    relative = file.relative_to(ROOT)
    if relative.parts[0] == "tests":
        return [file] if file.name.startswith("test_") else []
    if relative.parts[0] != "synth":
        return []
    room = ROOT / "tests" / relative.parent.relative_to("synth")
    mirrored = room / f"test_{file.stem}.py"
    if mirrored.exists():
        return [mirrored]
    name = ".".join(relative.with_suffix("").parts)
    return [test for test in sorted(room.glob("test_*.py")) if name in test.read_text(encoding="utf-8")]


def main() -> int:
    """Run the checks one after the other; stop at the first that fails."""
    file = Path(sys.argv[1]).resolve()
    tests = tests_of(file)
    floors = ROOT / "tests" / "promises" / "test_imports.py"
    commands: tuple[list[str | Path], ...] = (
        [PROGRAMS / "ruff", "check", file],
        [PROGRAMS / "ruff", "format", "--check", file],
        [PROGRAMS / "mypy", file],
        [sys.executable, "-m", "pytest", "-q", "-x", *tests, floors, "-k", "not help_loads"],
    )
    for command in commands:
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            return code
    names = ", ".join(str(test.relative_to(ROOT)) for test in tests) or "no test of its own"
    print(f"checked {file.relative_to(ROOT)} with {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
