"""mlcroissant's reader of a Croissant file: validated, and every record of each record set. python croissant.py FILE"""

from __future__ import annotations

import json
import logging
import sys

import mlcroissant
from clip import report

logging.disable(logging.WARNING)
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
issues = dataset.metadata.ctx.issues
records, rates = {}, {}
for record_set in dataset.metadata.record_sets:
    rates |= {field.uuid: field.source.sampling_rate for field in record_set.fields if field.source.sampling_rate}
    rows = []
    for record in dataset.records(record_set.uuid):
        rows.append({name: value.decode() if isinstance(value, bytes) else value for name, value in record.items()})
    records[record_set.uuid] = json.loads(json.dumps(rows, default=str))
report([], "mlcroissant", records=records, rates=rates, errors=sorted(issues.errors), warnings=sorted(issues.warnings))
