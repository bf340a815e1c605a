"""Every published file beside the checkout, read whole and against the dirt known to be in it; one goes on to export.

A table: what each file was read as, what came of its rows, every piece of dirt that its folder's README lists with the
number found, and whether the import into a store kept just that. Then a two-round study on HH-RLHF with the sample
model, from file to export. Some minutes.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from engine.data.proof.prove import Proof, prove
from engine.data.take_in import take_in
from engine.store.database import open_store
from tests.engine.data.test_read import HH, REAL
from tests.engine.test_real_input import config, to_the_end

KNOWN: dict[str, dict[str, int]] = {
    "hh-rlhf/helpful-base/test.jsonl.gz": {
        "rows": 2354, "identical pairs": 2, "prompts that differ": 9, "empty replies": 4, "over 8 human turns": 1,
    },
    "hh-rlhf/helpful-online/test.jsonl.gz": {
        "rows": 1137, "identical pairs": 2, "prompts that differ": 0, "empty replies": 3, "over 8 human turns": 1,
    },
    "fine-grained-rlhf/dev_feedback.json": {
        "rows": 500, "answers": 3000, "ties": 384, "prompts of ties only": 12, "cycles": 0, "label bank": 500,
    },
    "oasst-trees/en_100_tree.jsonl": {
        "rows": 100, "label bank": 211, "turns with one reply": 40, "replies without a rank": 6, "depths": 3,
    },
    "llamafactory/dpo_en_demo.json": {"rows": 300, "pairs that come again": 5},
    "llamafactory/kto_en_demo.json": {"rows": 300, "pairs": 0, "template marks": 2},
    "llamafactory/v1_dpo_demo.jsonl": {"rows": 10, "pairs": 10},
}  # fmt: skip
"""File → what its README, or whoever counted by hand, says of it. "label bank": prompts with every pair answered."""
OF_FINDING = {
    "identical pairs": "identical",
    "prompts that differ": "prompts_differ",
    "empty replies": "empty",
    "ties": "ties",
    "prompts of ties only": "all_ties",
    "cycles": "cycles",
    "label bank": "label_bank",
    "pairs that come again": "repeated_pairs",
    "template marks": "markers",
}
OF_DROPPED = {
    "turns with one reply": "turns with one reply, which is no pair",
    "replies without a rank": "replies without a rank",
}


def found_in(proof: Proof, what: str) -> int:
    """The number that the proof gives for a piece of dirt."""
    report = proof.report
    if what in OF_FINDING:
        return next(finding.found for finding in proof.findings if finding.name == OF_FINDING[what])
    if what in OF_DROPPED:
        return report.dropped[OF_DROPPED[what]]
    turns = [int(n) for n in proof.lengths["turns"]]
    return {
        "rows": report.rows,
        "pairs": report.counts.pairs,
        "answers": Counter(report.counts.recorded).total(),
        "over 8 human turns": int(max(turns) > 15),
        "depths": len(turns),
    }[what]


def read_all(folder: Path) -> list[str]:
    """A table of every file; what is not as it is known to be."""
    store = open_store(folder)
    wrong = []
    print("| file | read as | rows | refused | prompts | pairs | known dirt, found | imported |")
    print("|---|---|---|---|---|---|---|---|")
    for name, known in KNOWN.items():
        proof = prove(REAL / name)
        report, counts = proof.report, proof.report.counts
        found = {what: found_in(proof, what) for what in known}
        wrong += [f"{name}: {what} is {found[what]}, not {n}" for what, n in known.items() if found[what] != n]
        taken = take_in(store, str(REAL / name), skip_refused=True)
        kept = taken.report.counts == counts and bool(taken.dataset_id)
        wrong += [] if kept else [f"{name}: the import has {taken.report.counts}, the proof {counts}"]
        refused = "; ".join(f"{n} × {why}" for why, n in report.reasons().items()) or "0"
        dirt = "; ".join(f"{what} {n}" for what, n in found.items() if what != "rows")
        cells = [
            name,
            report.format,
            report.rows,
            refused,
            counts.prompts,
            counts.pairs,
            dirt,
            "the same" if kept else "NO",
        ]
        print("| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in cells) + " |", flush=True)
    return wrong


def main() -> str:
    """What was seen, for the log; SystemExit where a file is not read as it is known to be."""
    if not HH.exists():
        return "skipped: the published files are not here; set WORKBENCH_SHARED_DATA"
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wrong = read_all(Path(folder) / "store")
        if wrong:
            sys.exit("\n".join(wrong))
        dirt = sum(len(known) for known in KNOWN.values())
        to_the_end(config(HH, labels_per_round=60, prompts_per_round=256), Path(folder) / "study")
    return (
        f"{len(KNOWN)} files read and imported, {dirt} counts as known; HH-RLHF, two rounds of 60 labels, "
        f"exported and read back; in {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    print(main())
