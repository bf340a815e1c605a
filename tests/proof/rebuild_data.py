"""Proof that the sample worlds rebuild byte for byte from their scripts."""

import sys

from sample_data.make_data import main

if __name__ == "__main__":
    sys.exit(main(["--check"]))
