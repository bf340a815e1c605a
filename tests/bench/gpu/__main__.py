"""`python -m tests.bench.gpu [--device cuda] [--tiny]`: print the rows; log nothing. Ends with 1 if any disagree."""

import argparse
import sys

from tests.bench._harness import has_failed
from tests.bench.gpu import run

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--device", default="cuda")
parser.add_argument("--tiny", action="store_true", help="small enough for a CPU; what it prints means nothing")
given = parser.parse_args()
lines = run(given.device, tiny=given.tiny)
print(*lines, sep="\n")
sys.exit(1 if has_failed(lines) else 0)
