"""Proof that the sample model rebuilds: retrains it from nothing and compares the final loss within 1 %.

Run with ``python tests/proof/rebuild_model.py`` from the repository; takes a few minutes on one core.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from sample_data.make_model import SCRIPT

    sys.exit(SCRIPT.main(["--check"]))
