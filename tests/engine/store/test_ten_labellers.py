"""Ten people answer at once, each a process of its own, some killed again and again: nothing lost, nothing doubled."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from engine.seeds import rng_for
from engine.store import queries
from engine.store import schema as s
from engine.store.check import check
from engine.store.votes import standing
from tests.engine.store.campaign_world import campaign, labels, rows

PEOPLE, PAIRS, KILLS = 10, 120, 12
ROOT = Path(__file__).resolve().parents[3]


def start(store: Path, study_id: str, number: int, notes: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.engine.store.labeller", str(store), study_id, f"person {number}"]
    return subprocess.Popen([*command, str(notes / str(number))], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_ten_at_once_with_kills_in_between(tmp_path: Path) -> None:
    store, study_id, _ = campaign(tmp_path / "store", batch=PAIRS, answers_per_pair=2.0)
    notes = tmp_path / "notes"
    notes.mkdir()
    crew = {n: start(store.folder, study_id, n, notes) for n in range(PEOPLE)}
    rng = rng_for(1, None, "kills of labellers")
    killed, deadline = 0, time.monotonic() + 240
    try:
        while any(one.poll() is None for one in crew.values()) and time.monotonic() < deadline:
            lines = sum(len(path.read_text().splitlines()) for path in notes.iterdir())
            if killed < KILLS and lines >= (killed + 1) * PAIRS * 2 // (KILLS + 4):
                number = int(rng.choice([n for n, one in crew.items() if one.poll() is None]))
                crew[number].send_signal(signal.SIGKILL)
                crew[number].wait()
                crew[number] = start(store.folder, study_id, number, notes)
                killed += 1
            time.sleep(0.005)
    finally:
        for one in crew.values():
            one.kill()
            one.wait()
    assert killed == KILLS, "the kills fell among the answers"
    assert [one.returncode for one in crew.values()] == [0] * PEOPLE
    given = labels(store)
    told = [line.split() for path in notes.iterdir() for line in path.read_text().splitlines()]
    by_assignment = {str(row.assignment_id): row for row in given}
    lost = [line for line in told if line[0] not in by_assignment or by_assignment[line[0]].answer != line[2]]
    assert lost == [], "what was confirmed is there, as it was said"
    assert len(by_assignment) == len(given), "no assignment was answered twice"
    assert max(Counter(line[0] for line in told).values()) == 1
    assert len(given) <= len(told) + KILLS, "but for the one in flight at each kill"
    assert max(Counter((row.pair_id, row.person_id) for row in given).values()) == 1, "nobody was asked twice"
    assert set(Counter(row.pair_id for row in given).values()) == {2}, "each pair by two people, no more and no less"
    assert {row.state for row in rows(store, s.assignments)} == {"answered"}
    with store.read() as connection:
        assert len(standing(connection, study_id)) == 2 * PAIRS
    assert queries.study(store, study_id).runs[0].state == "queued", "and then the run goes on"
    assert [finding.what for finding in check(store.folder) if finding.severity == "error"] == []
