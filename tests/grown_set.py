"""Recipes with everything that grows: noise of every generator, events made and recorded, speakers who raise their voices."""

from __future__ import annotations

from pathlib import Path

from synth.dsp.events import EVENTS
from synth.dsp.generators import GENERATORS
from tests.helpers import FIXTURES, fixture_recipe

NAMES = list(GENERATORS)
FROM_RECORDINGS = [name for name, generator in GENERATORS.items() if generator().sources()]
KINDS = [*NAMES, "recording"]
CAR = (
    f"{{name: car, path: '{FIXTURES}/noise/car', manifest: '{FIXTURES}/noise/car/metadata.csv', recording_column: car}}"
)
EVERY_EVENT = "\n".join(
    [
        "  events:",
        *(f"    - {name}: {{}}\n      probability: 0.2" for name in EVENTS),
        f"    - {{recorded: '{FIXTURES}/noise/horns', label: klaxon, probability: 0.3, count: {{choice: [1, 2]}}}}",
    ]
)
LOMBARD = "  lombard: {probability: 0.5}"


def grow_text(*, real: float = 0.2) -> str:
    """Every generator with an equal share; of `shaped` half lies between two recordings."""
    share = round((1 - real) / len(NAMES), 4)
    more = {"shaped": ", between: {choice: [0, 0.5]}, departure_db: [0, 3]", "quilt": ", segment_ms: [30, 200]"}
    return "{" + ", ".join(f"{name}: {{share: {share}{more.get(name, '')}}}" for name in NAMES) + "}"


def cabin_layer(*, grow: str = "", **settings: object) -> str:
    rest = "".join(f"\n      {key}: {value}" for key, value in settings.items())
    return f"  layers:\n    - name: cabin\n      sources: [{CAR}]\n      grow: {grow or grow_text()}\n      max_synthesized: 1{rest}"


def grown_recipe(folder: Path, *, events: str = EVERY_EVENT, lombard: str = LOMBARD, **changes: str) -> Path:
    """A recipe with all of it, on the fixtures; blocks may be replaced by name as those of `fixture_recipe`."""
    blocks = {
        "effects": f"  effects:\n    - speed: {{choice: [0.9, 1.0, 1.1]}}\n{lombard}".rstrip(),
        "noise": "noise:\n  snr_db: [-5, 20]",
        "layers": cabin_layer(
            recordings="{choice: [1, 2]}",
            effects="[{speed: {log_uniform: [0.9, 1.1]}}, {equalizer: {bands_db: {normal: [0, 3]}}}]",
        ),
        **changes,
    }
    blocks["layers"] = f"{blocks['layers']}\n{events}".rstrip()
    return fixture_recipe(folder, **blocks)
