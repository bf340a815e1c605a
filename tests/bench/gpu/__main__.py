"""`python -m tests.bench.gpu [--device cuda] [--tiny]`: print the rows; log nothing."""

import argparse

from tests.bench.gpu import run

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--device", default="cuda")
parser.add_argument("--tiny", action="store_true", help="small enough for a CPU; what it prints means nothing")
given = parser.parse_args()
print(*run(given.device, tiny=given.tiny), sep="\n")
