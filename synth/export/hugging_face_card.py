"""The card of an export, `README.md`: its YAML head is what `load_dataset(OUT)` of the `datasets` library reads.

It names the files of each split, because the library takes `train-dev` in a file name for the split `train`, and has no
split with `-` in its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from synth.dataset.card import split_name

_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)  # clips
_SIZE_NAMES: Final = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "n>10M")

_TEXT: Final = """\
# Training clips made by synth

Clean speech and noise, mixed by a recipe. Written by `synth export --to {format}`.

| split | clips | hours |
|---|---|---|
{table}

The license is that of the speech and the noise that the clips were made from; synth does not know it. Replace `unknown`
in the head of this file before you publish the data.

```python
{reading}
```

{notes}
`synth verify` checks every file of this folder against `export.json`.
"""


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says."""

    format: str  #: as `synth export --to` has it
    splits: Mapping[str, Mapping[str, Any]]  #: by split: `clips` and `hours`
    patterns: Mapping[str, str]  #: by split: its files, as a pattern
    files: Mapping[str, Mapping[str, Any]]  #: by path: `bytes` of each data file
    reading: tuple[str, ...]  #: lines of Python that read the export
    has_texts: bool
    features: Mapping[str, str] | None = None  #: type of each column; None: the files say it themselves
    notes: str = ""

    def text(self) -> str:
        """The text of the card."""
        table = "\n".join(
            f"| {split_name(name)} | {sums['clips']} | {sums['hours']:.2f} |" for name, sums in self.splits.items()
        )
        notes = f"{self.notes}\n" if self.notes else ""
        body = _TEXT.format(format=self.format, table=table, reading="\n".join(self.reading), notes=notes)
        return f"{self._head()}\n{body}"

    def _head(self) -> str:
        clips = sum(sums["clips"] for sums in self.splits.values())
        lines = ["---", "license: unknown"]
        if self.has_texts:
            lines += ["task_categories:", "- automatic-speech-recognition"]
        lines += ["size_categories:", f"- {_SIZE_NAMES[sum(clips >= size for size in _SIZES)]}"]
        lines += ["configs:", "- config_name: default", "  data_files:"]
        for name in self.splits:
            lines += [f"  - split: {split_name(name)}", f"    path: {self.patterns[name]}"]
        lines += ["dataset_info:"]
        if self.features is not None:
            lines += ["  features:"]
            for column, dtype in self.features.items():
                lines += [f"  - name: {column}", f"    dtype: {dtype}"]
        lines += ["  splits:"]
        for name, sums in self.splits.items():
            size = self._size(self.patterns[name])
            lines += [f"  - name: {split_name(name)}", f"    num_bytes: {size}", f"    num_examples: {sums['clips']}"]
        size = sum(map(self._size, self.patterns.values()))
        return "\n".join([*lines, f"  download_size: {size}", f"  dataset_size: {size}", "---", ""])

    def _size(self, pattern: str) -> int:
        return sum(file["bytes"] for path, file in self.files.items() if fnmatchcase(path, pattern))
