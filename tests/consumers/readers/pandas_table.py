"""pandas' reader of a table, CSV or Parquet, by the line that `synth export` prints. python pandas_table.py LINE"""

from __future__ import annotations

import json
import sys

import pandas
from clip import report

scope = {"pandas": pandas}
exec(sys.argv[1], scope)
clips = scope["clips"]
assert isinstance(clips, pandas.DataFrame)
report(json.loads(clips.to_json(orient="records", double_precision=15)), "pandas", "pyarrow")
