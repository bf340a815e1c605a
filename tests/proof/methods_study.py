"""Ten methods beside random on the skewed sample world: a controlled study, three seeds, four rounds of 60 labels.

    python -m tests.proof.methods_study [FOLDER]     keeps the store in FOLDER

The sample study's setting but for strategies and rounds. Nothing is required of its outcome: the table is the result.
"""

import sys
import tempfile
from pathlib import Path

from engine.config import StudyConfig
from engine.data.prepare import prepare_study
from engine.store import queries
from engine.store.database import open_store
from tests.logbook import ROOT
from workbench.processes import run_worker_until_idle
from workbench.report.gather import gather
from workbench.wording import signed

METHODS = (
    "activedpo", "apl", "real", "smallest_margin", "badge", "k_center", "adpo", "d_optimal", "bald", "bal_pm",
)  # fmt: skip


def main() -> str:
    """What was seen, for the log; SystemExit if a run did not end."""
    sample = StudyConfig.from_yaml(ROOT / "sample_data" / "study.yaml").model_dump(mode="json")
    config = StudyConfig.from_dict(
        {**sample, "name": "Ten methods", "strategies": ["random", *METHODS], "rounds": 4, "seeds": [1, 2, 3]}
    )
    with tempfile.TemporaryDirectory() as scratch:
        store = open_store(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch))
        study_id = prepare_study(store, config)
        run_worker_until_idle(store.folder)
        found = gather(store, study_id, 0)
        summary = queries.study(store, study_id).summary
        if summary.state != "done":
            sys.exit(f"The study ended as {summary.state}: {summary.error}")
        last = {
            split: frame[frame["round"] == config.rounds].groupby("strategy")["value"].mean()
            for split, frame in found.curves.items()
        }
        print("| strategy | " + " | ".join(last) + " | difference to random | verdict |")
        print("|---|" + "---|" * (len(last) + 2))
        for key, ref in found.refs.items():
            cells = [f"{levels[key]:.3f}" for levels in last.values()]
            verdict = found.evidence.found[key].verdict if key in found.evidence.found else None
            said = ["–", "–"]
            if verdict is not None and verdict.low is not None and verdict.high is not None:
                span = f"({signed(verdict.low)} to {signed(verdict.high)})"
                said = [f"{signed(verdict.difference.mean)} {span}", verdict.word]
            print(f"| {ref.title} | " + " | ".join([*cells, *said]) + " |")
        words = [one.verdict.word for one in found.evidence.found.values()]
        counted = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
        return f"{len(words)} methods × 3 seeds × {config.rounds} rounds of {config.labels_per_round}: {counted}"


if __name__ == "__main__":
    print(main())
