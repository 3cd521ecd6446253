"""An empty torchaudio: SpeechBrain imports it, and reads audio with soundfile."""

from __future__ import annotations

import sys
import types
from importlib.machinery import ModuleSpec

module = types.ModuleType("torchaudio")
module.__spec__ = ModuleSpec("torchaudio", None)
module.__version__ = "2.9.0"  # type: ignore[attr-defined]
sys.modules.setdefault("torchaudio", module)
