"""`python -m benchmarks.digits_in_car`."""

import os
import sys

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy is loaded: two processes, a core each

from .program import main  # noqa: E402

sys.exit(main())
