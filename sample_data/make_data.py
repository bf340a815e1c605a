"""Rebuild the sample worlds: ``python -m sample_data.make_data [--check]``.

The files come out byte for byte the same on every machine. With ``--check`` nothing is written: the rebuilt bytes
are compared with the shipped ones, and the exit status is 1 where a file differs.
"""

import argparse
import json
import sys

from sample_data import checksums
from sample_data.world.splits import Splits, build


def files(splits: Splits) -> dict[str, bytes]:
    """The shipped data files, by path below ``sample_data/``."""
    made = {
        path: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        for path, rows in splits.worlds.items()
    }
    made["perplexity.txt"] = "".join(line + "\n" for line in splits.notes).encode()
    return made


def differing(made: dict[str, bytes]) -> list[str]:
    """The shipped files that are missing or hold other bytes than ``made``."""
    here = checksums.HERE
    return [path for path, data in made.items() if not (here / path).is_file() or (here / path).read_bytes() != data]


def main(arguments: list[str] | None = None) -> int:
    """Rebuild or check; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.make_data", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    check = parser.parse_args(arguments).check
    made = files(build())
    if check:
        wrong = differing(made)
        if wrong:
            print(f"These files differ from what the writer makes: {', '.join(wrong)}.")
            return 1
        print(f"All {len(made)} data files are what the writer makes.")
        return 0
    for path, data in made.items():
        target = checksums.HERE / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(data)
    checksums.write()
    print(f"Wrote {len(made)} data files and {checksums.LIST}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
