"""NeMo's reader of a training configuration: read_cutset_from_config. python nemo_config.py INPUT_CFG CUTS

Prints how often each clip is among the first CUTS cuts of the endless stream that the weights make.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import islice

import nemo_parts  # noqa: F401 - before nemo
from clip import report
from nemo.collections.common.data.lhotse.cutset import read_cutset_from_config

cuts, is_tarred = read_cutset_from_config({"input_cfg": sys.argv[1], "shard_seed": 0, "shuffle": True})
stream = islice(cuts, int(sys.argv[2]))
drawn = Counter(f"{cut.custom['id']} {cut.custom.get('stage')} {cut.custom.get('split')}" for cut in stream)
report([], "nemo_toolkit", "lhotse", drawn=drawn, is_tarred=is_tarred)
