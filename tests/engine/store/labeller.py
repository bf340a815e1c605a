"""A labeller as a process of its own, for tests that kill some: answers until nothing is left, notes what it was told.

python -m tests.engine.store.labeller STORE STUDY NAME NOTES
"""

import os
import sys
from pathlib import Path

from engine.records import Answer
from engine.seeds import key_for
from engine.store import answered, roles
from engine.store.assignments import Said, answer_and_next, claim_next
from engine.store.database import open_store

SAYS: tuple[Answer, ...] = ("a", "b", "tie", "both_bad")


def main(folder: str, study_id: str, name: str, notes: str) -> None:
    """A line a confirmed answer: assignment, pair, answer; flushed to disk before the next is asked for."""
    store = open_store(folder)
    person = roles.at_the_machine(store, name)
    with Path(notes).open("a", encoding="utf-8") as log:
        shown = claim_next(store, study_id, person.id)
        while shown is not None or answered.progress(store, study_id, person.id).state == "waiting":
            if shown is None:
                shown = claim_next(store, study_id, person.id)
                if answered.progress(store, study_id, person.id).free == 0:
                    return
                continue
            answer = SAYS[key_for(0, None, name, shown.pair_id) % len(SAYS)]
            following = answer_and_next(store, study_id, shown.assignment_id, person.id, Said(answer, shown.side_first))
            log.write(f"{shown.assignment_id} {shown.pair_id} {answer}\n")
            log.flush()
            os.fsync(log.fileno())
            shown = following


if __name__ == "__main__":
    main(*sys.argv[1:])
