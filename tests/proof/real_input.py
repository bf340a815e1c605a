"""A two-round study on a whole published file with the sample model, from file to export. Some minutes."""

import tempfile
import time
from pathlib import Path

from tests.engine.data.test_read import HH
from tests.engine.test_real_input import config, to_the_end


def main() -> str:
    """What was seen, for the log."""
    if not HH.exists():
        return "skipped: the published files are not here"
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        to_the_end(config(HH, labels_per_round=60, prompts_per_round=256), Path(folder))
    return f"2,354 rows read, two rounds of 60 labels, exported and read back in {time.perf_counter() - began:.0f} s"


if __name__ == "__main__":
    print(main())
