"""The error tree. Each class owns the exit code that the command line ends with.

SynthError                  1   failed, but can be resumed
├── StorageError            1   the disk failed or is full, or there is no permission
├── RecipeError             2   the recipe is wrong (holds all its mistakes)
├── UsageError              2   the command was called wrongly, or a file that it needs is missing
├── GuardError              2   the recipe is valid, but the plan is refused (noise budget, disk, empty split)
├── TooManyBadInputs        3   more inputs were refused than the recipe allows
├── VerifyMismatch          4   the data set is not what its manifest says
│   └── DamagedDataset      4   a file of a data set cannot be read as what it should be
├── ThresholdNotMet         5   a threshold that was asked for was not met
├── Locked                 75   another run holds the directory
├── Interrupted           130   Ctrl-C; what is complete is kept
├── Terminated            143   SIGTERM; what is complete is kept
└── BadInput                    one input is refused; never ends a run by itself, becomes a line of the quarantine
"""

from __future__ import annotations

from typing import Any, ClassVar


class SynthError(Exception):
    """Something went wrong that the user can act on. The text says what, and what to do."""

    exit_code: ClassVar[int] = 1


class StorageError(SynthError):
    """Writing or reading failed: disk full, quota, I/O error, no permission."""


class UsageError(SynthError):
    """The command was called wrongly, or a file that it needs is missing or cannot be used."""

    exit_code = 2


class RecipeError(SynthError):
    """All mistakes of one recipe, each already formatted as `file:line:column: key - what; what to do`."""

    exit_code = 2

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes

    def __reduce__(self) -> tuple[type[RecipeError], tuple[list[str]]]:
        return type(self), (self.mistakes,)


class GuardError(SynthError):
    """The recipe is valid, but what it asks for would be of no use, or does not fit the disk."""

    exit_code = 2


class TooManyBadInputs(SynthError):
    """More inputs were refused than `limits.max_bad` allows."""

    exit_code = 3


class VerifyMismatch(SynthError):
    """The data set is not what its manifest says."""

    exit_code = 4


class DamagedDataset(VerifyMismatch):
    """A file of a data set is damaged: cut, not what its name says, or replaced by a link or a device."""

    def __init__(self, text: str, *, path: str, what: str) -> None:
        super().__init__(text)
        self.path = path  #: relative to the data set
        self.what = what  #: is wrong with it, without the name and without the advice

    def __reduce__(self) -> tuple[Any, ...]:
        return _damaged_dataset, (str(self), self.path, self.what)


def _damaged_dataset(text: str, path: str, what: str) -> DamagedDataset:
    # pickle can call a function with positional arguments only
    return DamagedDataset(text, path=path, what=what)


class ThresholdNotMet(SynthError):
    """The command worked, and the result misses a threshold that was asked for."""

    exit_code = 5


class Locked(SynthError):
    """Another run holds the directory."""

    exit_code = 75


class Interrupted(SynthError):
    """Ctrl-C."""

    exit_code = 130


class Terminated(SynthError):
    """SIGTERM."""

    exit_code = 143


class BadInput(SynthError):
    """One input that cannot be used."""

    CODES: ClassVar[tuple[str, ...]] = (
        "missing",  # no such file, or not readable
        "forbidden_path",  # outside the roots, not a regular file, a name that cannot be written
        "not_audio",  # not one of the formats that are read
        "unsupported",  # audio, but a coding that is not read
        "truncated",  # the header promises more data than the file has
        "corrupt",  # the decoder refuses the data
        "empty",  # no samples
        "bad_rate",  # sample rate outside 4 kHz to 384 kHz
        "bad_channels",  # no channels, or more than 16
        "too_long",  # longer than limits.max_speech_s
        "too_short",  # nothing is left to work on
        "nonfinite",  # NaN, infinity, or beyond any scale
        "silent",  # no signal
        "clipped",  # the recipe refuses clips that would clip
        "changed_during_run",  # not the file that was planned
        "decode_crash",  # the decoder killed its process
        "timeout",  # the decoder did not return in time
        "render_failed",  # an effect, or the mixing, raised an error on this clip
        "bad_row",  # a row of a list cannot be used
        "data_set",  # a folder below a source is a data set of synth; never counted against limits.max_bad
    )

    def __init__(self, code: str, path: str, message: str, step: str = "render") -> None:
        if code not in self.CODES:
            raise ValueError(f"code={code!r} is not one of BadInput.CODES")
        super().__init__(f"{path}: {code}: {message}")
        self.code = code  #: one of CODES
        self.path = path  #: names the file, or `list:line`
        self.message = message
        self.step = step  #: "scan", "plan" or "render"

    def __reduce__(self) -> tuple[type[BadInput], tuple[str, str, str, str]]:
        return type(self), (self.code, self.path, self.message, self.step)
