"""Keys that had another name in earlier versions: an old key is an error that names the new one.

The draws of a renamed key keep the key that they had. A draw depends on its key, so another key would give other clips
for the same recipe.
"""

from __future__ import annotations

RENAMED: dict[tuple[str, str], str] = {
    ("", "headroom_dbfs"): "max_peak_dbfs",
    ("sources", "pattern"): "glob",
    ("recorded", "pattern"): "glob",
    ("layers", "max_grown"): "max_synthesized",
    ("cabin", "acceleration"): "acceleration_kmh_per_s",
    ("cabin", "rain"): "rain_drops_per_s",
    ("indicator", "second"): "ratio",
    ("conditions", "wavering_db"): "fluctuation_db",
    ("limits", "max_seconds"): "max_speech_s",
    ("limits", "max_noise_seconds"): "max_noise_s",
}
"""(section, old key) -> new key. The section is the last name above the key: `noise.layers.0.max_grown` -> `layers`."""

_OLD = {(section, new): old for (section, old), new in RENAMED.items()}


def renamed_text(section: str, key: str) -> str | None:
    """The mistake of a recipe that has an old key; None if the key was never one.

    Args:
        section: path of the section with list positions, such as `noise.layers.0`.
        key: the key that is unknown there.
    """
    names = [part for part in section.split(".") if not part.isdigit()]
    new = RENAMED.get((names[-1] if names else "", key))
    return None if new is None else f"the key `{key}` was renamed: write `{new}`"


def draw_name(section: str, key: str) -> str:
    """What the draws of a key are called: its first name. `section` is one name, such as `cabin`."""
    return _OLD.get((section, key), key)


def present_key(draw_key: str) -> str:
    """The key of a draw with the name that the recipe has for it today, as `synth explain` shows it."""
    head, _, last = draw_key.rpartition(".")
    names = [part.partition("#")[0] for part in head.split(".") if not part.isdigit()]
    section = "conditions" if names[0] == "conditions" else names[-1]
    return f"{head}.{RENAMED[section, last]}" if (section, last) in RENAMED else draw_key
