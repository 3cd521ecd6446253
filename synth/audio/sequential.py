"""A sound file that is only read forwards."""

from __future__ import annotations

import soundfile


class SequentialSoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is read from its start to its end.

    soundfile seeks to where it already is before and after each read. A FLAC file of unknown length refuses that, Opus
    then continues with other samples than it would have given, and MP3 rounds differently.
    """

    def seekable(self) -> bool:
        """False, so that soundfile does not seek."""
        return False
