"""The dataset card, `README.md` of a data set: for people, and for the `datasets` library of Hugging Face.

Its YAML head names the file of each split, so that `load_dataset(DIR)` gives the right rows, and the type of each
column: without it the library takes the types from the first rows it reads, and fails on rows that differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

#: What the library takes as the name of a split.
SPLIT_NAME: Final = re.compile(r"\w+(\.\w+)*")

#: Columns with one type in every row. All others are nested, and their keys differ from row to row.
_TYPES: Final = {
    **dict.fromkeys(("case", "channels", "copy", "num_samples", "sampling_rate", "shard_id", "tar_offset"), "int64"),
    **dict.fromkeys(("duration", "headroom_gain_db", "peak_dbfs", "fluctuation_db", "weight"), "float64"),
    **dict.fromkeys(("audio_filepath", "condition", "id", "pcm_sha256", "room", "sha256"), "string"),
    **dict.fromkeys(("source_id", "speaker", "split", "stage", "text"), "string"),
}
_NESTED: Final = "json"

_TEXT: Final = """\
# Training clips made by synth {version}

Clean speech and noise, mixed as `recipe.yaml` says. All rows are in `manifest.jsonl`, one line per clip with everything
that was done to it; the rows of each split are also in a file of their own.

| split | file | clips | hours |
|---|---|---|---|
{table}

The license is that of the speech and the noise the clips were made from; synth does not know it.

`load_dataset` of the `datasets` library reads this folder (nested columns need a version with the type `Json`). The
paths in `audio_filepath` are relative to this folder:

```python
from datasets import Audio, load_dataset

folder = "."
clips = load_dataset(folder)
clips = clips.map(lambda row: {{"audio": f"{{folder}}/{{row['audio_filepath']}}"}}).cast_column("audio", Audio())
```

`synth verify` checks every file of this folder; `synth explain` shows how a clip was made, and `synth replay` makes it
again. The digest of the plan is `{plan_digest}`.
"""


def card_text(content: Mapping[str, Any], columns: Iterable[str]) -> str:
    """The card of a finished data set.

    Args:
        content: the content of its dataset.json, as far as `splits`, `versions` and `plan_digest` go.
        columns: the keys of its rows.
    """
    splits = {name: counts for name, counts in content["splits"].items() if counts["clips"]}
    rows = [f"| {name} | `{name}.jsonl` | {c['clips']} | {c['hours']:.2f} |" for name, c in splits.items()]
    return _head(splits, columns) + _TEXT.format(
        version=content["versions"].get("synth", ""), table="\n".join(rows), plan_digest=content["plan_digest"]
    )


def split_name(split: str) -> str:
    """The name of a split as the library takes it: `train_dev` for `train-dev`."""
    return split.replace("-", "_")


def _head(splits: Iterable[str], columns: Iterable[str]) -> str:
    files = [line for name in splits for line in (f"  - split: {split_name(name)}", f"    path: {name}.jsonl")]
    typed = [line for name in columns for line in (f"  - name: {name}", f"    dtype: {_TYPES.get(name, _NESTED)}")]
    if not files:
        return "---\nlicense: unknown\n---\n\n"
    config = ["configs:", "- config_name: default", "  data_files:", *files]
    return "\n".join(["---", "license: unknown", *config, "dataset_info:", "  features:", *typed, "---", "", ""])
