"""Everything that can be wrong with a store is found and explained, and a check changes nothing."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.records import stage_of
from engine.store import schema, writer
from engine.store.cache import FileCache
from engine.store.check import Finding, check
from engine.store.codec import files_of
from engine.store.consistency import FILES, of_studies
from engine.store.database import Store, open_store
from engine.store.growth import add_seeds
from tests.engine.store.test_store import a_worker, events, queued, world
from tests.workbench import worlds


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a finished run and a queued one, in which all is well."""
    folder = tmp_path_factory.mktemp("sound")
    store = open_store(folder)
    queued(store, seeds=(1, 2))
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    for event in events(world()):
        writer.save_event(store, claim, event)
    writer.set_state(store, claim.run_id, "done")
    FileCache(folder / "cache").put("k", np.zeros(5))
    store.engine.dispose()
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "store"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".db-shm", ".db-wal")
    }


def sql(*statements: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with contextlib.closing(sqlite3.connect(folder / "workbench.db", isolation_level=None)) as raw:
            for statement in statements:
                raw.execute(statement)

    return change


def file(pattern: str, change: Callable[[Path], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        (path,) = folder.glob(pattern)
        change(path)

    return changed


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def old(path: Path) -> None:
    path.write_bytes(b"rubbish")
    os.utime(path, (time.time() - 7200,) * 2)


def smaller_pool(folder: Path) -> None:
    """A file that is whole, with a row that says so, but holds another pool than the database counts."""
    import hashlib

    (path,) = folder.glob("files/*/001-pooled-*")
    body = json.loads(path.read_bytes())
    content = json.dumps({**body, "ids": body["ids"][1:]}).encode()
    path.write_bytes(content)
    sql(
        f"UPDATE artefacts SET bytes = {len(content)}, sha256 = '{hashlib.sha256(content).hexdigest()}' "
        "WHERE name = 'pairs.json'"
    )(folder)


def damage_pages(folder: Path) -> None:
    path = folder / "workbench.db"
    content = bytearray(path.read_bytes())
    content[4096 * 20 : 4096 * 40] = bytes(4096 * 20)
    path.write_bytes(content)


UNPROTECTED = ("DROP TRIGGER labels_refuse_update", "DROP TRIGGER labels_refuse_delete")
DONE = "(SELECT id FROM runs WHERE state = 'done')"
QUEUED = "(SELECT id FROM runs WHERE state = 'queued')"
CASES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a file is missing": (file("files/*/001-trained-adapter*", Path.unlink), "error", "adapter.* is missing"),
    "a file is cut": (
        file("files/*/001-trained-steps*", lambda p: p.write_bytes(p.read_bytes()[:-1])), "error", "steps.* is damaged"
    ),
    "a file has a flipped bit": (file("files/*/001-picked-*", flip), "error", "features.* is damaged"),
    "no row names a stage's file": (
        sql("DELETE FROM artefacts WHERE name = 'ids.json'"), "error", "scored is done, but no row names its ids.json"
    ),
    "a file that no row names": (lambda f: old(f / "files" / "left.bin"), "note", "1 files are named by no row"),
    "a stage is missing": (
        sql("DELETE FROM stages WHERE stage = 'scored'"), "error", "scored is missing, while evaluated of round 1"
    ),
    "a round too many": (
        sql(f"INSERT INTO stages SELECT run_id, 9, stage, detail, seconds, tokens, peak_bytes, finished FROM stages "
            f"WHERE stage = 'labelled' AND run_id = {DONE}"), "error", "a stage labelled, though the study has 1 rounds"
    ),
    "done, but it is not": (
        sql("DELETE FROM stages WHERE stage = 'evaluated' AND round = 1"), "error", "0 of its 1 rounds are evaluated"
    ),
    "picks of a round without picking": (
        sql("DELETE FROM stages WHERE stage = 'picked'"), "error", "2 picks of a round in which nothing was picked"
    ),
    "picks that are not the stage's": (
        sql("DELETE FROM picks WHERE rank = 2"), "error", "picks are not those that its stage names"
    ),
    "a pool of another size": (smaller_pool, "error", "5 pairs in the file .* and 6 in the database"),
    "a label out of the pool": (smaller_pool, "error", "Label 1 is of pair .* not in the pool"),
    "figures of no round": (
        sql(f"INSERT INTO metrics VALUES ({QUEUED}, 1, 'kl', '', 0.5, 2, '')"), "error", "figures of a round whose"
    ),
    "a label is gone": (
        sql(*UNPROTECTED, "DELETE FROM labels WHERE id = 1"), "error", "1 labels that it trained on are not in"
    ),
    "all figures are gone": (sql("DELETE FROM metrics"), "error", "figures are not those that its stage names"),
    "a figure was changed": (
        sql("UPDATE metrics SET value = value + 0.001"), "error", "figures are not those that its stage names"
    ),
    "a score was changed": (
        sql("UPDATE picks SET score = 0.123"), "error", "scores of its picks are not those that its stage names"
    ),
    "an answer was changed": (
        sql(*UNPROTECTED, "UPDATE labels SET answer = CASE answer WHEN 'a' THEN 'b' ELSE 'a' END"), "error",
        "2 answers that it trained on are not those of the table of labels",
    ),
    "a run is gone": (sql(f"DELETE FROM runs WHERE id = {QUEUED}"), "error", "It has 1 of its 2 runs"),
    "labels are not protected": (sql(UNPROTECTED[0]), "error", "not protected: labels_refuse_update not found"),
    "a label was bought twice": (
        sql("INSERT INTO labels (study_id, seed, pair_id, answer, oracle, detail, run_id, round, created) SELECT "
            "study_id, seed, pair_id, answer, oracle, detail, run_id, round, created FROM labels WHERE id = 1"),
        "error", "was bought 2 times",
    ),
    "a lease lapsed": (
        sql(f"UPDATE runs SET state = 'running', lease_until = 1.0, worker_id = (SELECT id FROM workers) "
            f"WHERE id = {QUEUED}"), "warning", "lease of worker w.* has lapsed"
    ),
    "a config was changed": (
        sql("UPDATE studies SET config = json_set(config, '$.rounds', 1, '$.name', 'x')"), "error", "hash differs"
    ),
    "a config cannot be read": (
        sql("UPDATE studies SET config = replace(config, '\"random\"', '\"randon\"')"), "warning", "cannot be read"
    ),
    "a data set is gone": (
        sql("UPDATE studies SET datasets = '{\"pool\": \"d0\"}'"), "error", r"data set d0 \(pool\) is not in the store"
    ),
    "a run of no strategy": (
        sql(f"UPDATE runs SET config = json_set(config, '$.seed', 77) WHERE id = {QUEUED}"), "error", "none of its"
    ),
    "a row without its parent": (sql("DELETE FROM prompts"), "error", r"13 of its rows name rows of prompts"),
    "a prompt was changed": (
        sql("UPDATE prompts SET messages = replace(messages, 'wash', 'dry')"), "error", "not the hash of its content"
    ),
    "a response was changed": (
        sql("UPDATE responses SET text = 'x' WHERE text = 'hot 0'"), "error", "not the hash of its content"
    ),
    "a pair was changed": (sql("UPDATE pairs SET a = '0' || a"), "error", "not the hash of its content"),
    "the cache is damaged": (file("cache/k.npy", flip), "warning", "1 of its files cannot be used"),
    "the database is damaged": (damage_pages, "error", "damaged"),
    "a newer schema": (sql("UPDATE alembic_version SET version_num = '0099'"), "warning", "Its schema is 0099"),
    "an older schema": (sql("UPDATE alembic_version SET version_num = '0001'"), "warning", "Its schema is 0001"),
}  # fmt: skip


def test_a_sound_store_has_no_finding_and_stays_as_it_is(folder: Path) -> None:
    before = contents(folder)
    assert check(folder) == []
    assert contents(folder) == before


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_found_and_explained(case: str, folder: Path) -> None:
    change, severity, sentence = CASES[case]
    change(folder)
    before = contents(folder)
    found = check(folder)
    assert [f for f in found if f.severity == severity and re.search(sentence, f.what)], found
    assert all(f.where and f.what.endswith((".", ")")) and f.next_step.endswith(".") for f in found), found
    assert contents(folder) == before


@pytest.mark.parametrize(("schema_of_it", "step"), [("0001", "workbench store upgrade"), ("0099", "upgrade this one")])
def test_another_schema_says_which_of_both_is_to_be_upgraded(schema_of_it: str, step: str, folder: Path) -> None:
    sql(f"UPDATE alembic_version SET version_num = '{schema_of_it}'")(folder)
    assert [step in one.next_step for one in check(folder) if "Its schema" in one.what] == [True]


def test_a_cache_over_its_cap_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.check.DEFAULT_CAP_BYTES", 10)
    assert [f.where for f in check(folder)] == ["cache"]


def test_the_files_of_a_stage_are_those_that_are_written() -> None:
    assert {stage_of(event): tuple(files_of(event)) for event in events(world())} == FILES


def test_errors_come_first(folder: Path) -> None:
    old(folder / "files" / "left.bin")
    for pattern in ("cache/k.npy", "files/*/001-picked-*"):
        file(pattern, flip)(folder)
    assert [f.severity for f in check(folder)] == ["error", "warning", "note"]


def test_what_is_seen_only_once_of_a_run_at_work_is_no_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that is dropped between the look at its rows and the look at its file."""
    from engine.store import consistency

    store = Store(folder, open_store(folder).engine)
    (path,) = folder.glob("files/*/001-trained-adapter*")
    path.unlink()
    seen: list[object] = []
    read = consistency._read

    def read_and_drop(*given: object) -> object:
        found = read(*given)  # type: ignore[arg-type]
        if not seen:
            sql("DELETE FROM artefacts WHERE stage IN ('trained', 'evaluated') AND round = 1",
                "DELETE FROM stages WHERE stage IN ('trained', 'evaluated') AND round = 1",
                "DELETE FROM metrics WHERE round = 1", "UPDATE runs SET state = 'running'")(folder)  # fmt: skip
        seen.append(found)
        return found

    monkeypatch.setattr(consistency, "_read", read_and_drop)
    run_id = path.parent.name
    assert consistency.of_run(store, run_id) == []
    assert len(seen) == 2


def test_a_finding_is_plain_json() -> None:
    assert json.loads(json.dumps(vars(Finding("error", "here", "It is so.", "Mend it."))))["severity"] == "error"


def test_arms_and_seeds_that_were_added_belong_to_their_study(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    study_id, _ = worlds.add_study(store, "arms", seeds=(1,), strategies=("real",), referee={}, controls=["shuffled"])
    add_seeds(store, study_id, [2])
    assert list(of_studies(store)) == []
    with store.write() as connection:
        connection.execute(schema.runs.delete().where(schema.runs.c.strategy == "random:again"))
    assert [finding.what for finding in of_studies(store)] == ["It has 6 of its 8 runs."]
