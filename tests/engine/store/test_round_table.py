"""A round's table: made once from the round's files, found again, made anew when it is gone; queries against loops."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.errors import StoreError
from engine.records import Pick, Picked, Pooled, Scored, SignalArray
from engine.store import queries, round_table, writer
from engine.store.database import Store, open_store
from engine.store.parquet import ask
from tests.workbench import worlds


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> tuple[Store, str]:
    """A run with one round: scores (one missing), a signal of pairs, of responses (one missing) and of prompts."""
    store = open_store(tmp_path_factory.mktemp("tables") / "store")
    _, data = worlds.add_study(store, "one", seeds=(1,), rounds=1, strategies=("apl",))
    claim = writer.claim_run(store, worlds.worker(store))
    assert claim is not None
    rng = np.random.default_rng(1)
    ids = tuple(rng.permutation(list(data.pairs)).tolist())
    values = rng.normal(size=len(ids)).round(1)  # ties too
    values[3] = np.nan

    def signal(name: str, axis: str, rows: list[str], unit: str) -> SignalArray:
        found = rng.normal(size=len(rows)).astype(np.float32)
        return SignalArray(name, axis, tuple(rows), found, unit, "policy")  # type: ignore[arg-type]

    entropy = signal("token_entropy", "response", list(data.responses), "nats per token")
    entropy.values[0] = np.nan
    signals = (
        signal("reward_margin", "pair", list(ids), "reward units"),
        entropy,
        signal("prompt_entropy", "prompt", list(data.prompts), "nats"),
    )
    for event in (Pooled(1, ids), Scored(1, signals, values), Picked(1, (Pick(ids[0], 1), Pick(ids[1], 2)))):
        writer.save_event(store, claim, event)
    return store, claim.run_id


@pytest.fixture(scope="module")
def table(scored) -> Path:
    found = round_table.table_of(*scored, 1)
    assert found is not None
    return found


def test_a_table_holds_what_the_round_s_files_hold(scored, table):
    frame = queries.scores(*scored, 1).sort_values("pair_id", ignore_index=True)
    kept = pd.read_parquet(table)
    assert kept["pair_id"].tolist() == frame["pair_id"].tolist()
    for name in ("score", "reward_margin", "prompt_entropy"):
        np.testing.assert_array_equal(kept[name], frame[name])
    a, b = frame["token_entropy.a"], frame["token_entropy.b"]
    np.testing.assert_array_equal(kept["token_entropy.mean"], (a + b) / 2)
    np.testing.assert_array_equal(kept["token_entropy.gap"], (a - b).abs())
    assert kept["token_entropy.gap"].isna().any()
    assert round_table.candidates_in(table) == len(frame)


def test_quantities_have_name_unit_and_meaning(table):
    found = {quantity.key: quantity for quantity in round_table.quantities_of(table)}
    assert next(iter(found)) == "score"
    assert set(found) == {"score", "reward_margin", "token_entropy.mean", "token_entropy.gap", "prompt_entropy"}
    gap = found["token_entropy.gap"]
    assert (gap.title, gap.unit, gap.made_on) == (
        "token entropy, difference of the two responses", "nats per token", "policy",
    )  # fmt: skip
    assert gap.meaning.startswith("Mean entropy of the next token")


def test_a_table_is_made_once_and_anew_when_it_is_gone_or_its_files_change(scored, table):
    store, run_id = scored
    before = table.stat().st_ino
    assert round_table.table_of(store, run_id, 1) == table
    assert table.stat().st_ino == before
    content = table.read_bytes()
    table.unlink()
    assert round_table.table_of(store, run_id, 1) == table
    assert table.read_bytes() == content
    assert [path.name for path in table.parent.iterdir()] == [table.name], "nothing is left behind"
    assert round_table.table_of(store, run_id, 2) is None
    assert round_table.table_of(store, "no run", 1) is None


@pytest.mark.parametrize("kept", [0, 3, 500])
def test_a_table_that_was_cut_is_made_anew(scored, table, kept):
    content = table.read_bytes()
    table.write_bytes(content[:kept])
    assert round_table.table_of(*scored, 1) == table
    assert table.read_bytes() == content


def test_the_oldest_tables_go_when_all_take_too_much(scored, table, monkeypatch):
    old = table.with_name("old.parquet")
    old.write_bytes(b"0" * 1000)
    monkeypatch.setattr(round_table, "CAP_BYTES", table.stat().st_size + 500)
    table.unlink()
    assert round_table.table_of(*scored, 1) == table
    assert not old.exists()
    assert table.exists(), "a table never pushes out itself"


def test_ordered_between_and_values_are_what_loops_find(table):
    rows = pd.read_parquet(table)
    for key in ("score", "token_entropy.gap"):
        known = {i: v for i, v in zip(rows["pair_id"], rows[key], strict=True) if v == v}
        assert round_table.ordered(table, key).tolist() == sorted(known.values())
        low, high = np.quantile(list(known.values()), [0.2, 0.7])
        for below in (False, True):
            slow = [i for i, v in known.items() if low <= v and (v < high if below else v <= high)]
            slow.sort(key=lambda i: (-known[i], i))
            assert round_table.between(table, key, low, high, 1000, below=below) == (slow, len(slow))
            assert round_table.between(table, key, low, high, 5, below=below) == (slow[:5], len(slow))
    assert round_table.between(table, "score", 99, 100, 5) == ([], 0)
    with pytest.raises(ValueError, match="read-only"):
        round_table.ordered(table, "score")[0] = 1
    wanted = [rows["pair_id"][7], "gone", rows["pair_id"][2]]
    found = round_table.values_of(table, "score", wanted)
    assert found.to_dict() == {wanted[0]: rows["score"][7], wanted[2]: rows["score"][2]}
    assert found.index.tolist() == round_table.candidates_among(table, wanted) == [wanted[0], wanted[2]]
    assert round_table.values_of(table, "score", []).empty


def test_what_two_tables_have_in_common_is_what_a_loop_finds(scored, table, tmp_path):
    rows = pd.read_parquet(table)
    other = tmp_path / "other.parquet"
    rng = np.random.default_rng(5)
    second = rows.sample(frac=0.6, random_state=1)[["pair_id", "score"]].assign(score=rng.normal(size=58))
    round_table._write(other, round_table._table(second, []))
    here = second.set_index("pair_id")["score"]
    slow = {i: (v, here[i]) for i, v in zip(rows["pair_id"], rows["score"], strict=True) if v == v and i in here.index}
    at, x, y = round_table.both((table, "score"), (other, "score"))
    ids = round_table.at_rows(table, at)
    assert dict(zip(ids, zip(x, y, strict=True), strict=True)) == slow
    at, x, y = round_table.both((table, "score"), (table, "token_entropy.mean"))
    both = rows.dropna(subset=["score", "token_entropy.mean"]).set_index("pair_id")
    order = np.argsort(at)
    assert round_table.at_rows(table, at[order]) == both.index.tolist()
    assert x[order].tolist() == both["score"].tolist()
    assert y[order].tolist() == both["token_entropy.mean"].tolist()


def test_a_damaged_table_is_an_error_that_says_so(tmp_path):
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 is not enough")
    with pytest.raises(StoreError, match=r"bad\.parquet cannot be read"):
        round_table.ordered(bad, "score")
    with pytest.raises(StoreError, match=r"gone\.parquet cannot be read"):
        round_table.ordered(tmp_path / "gone.parquet", "score")


def test_a_column_of_any_name_is_a_column_and_no_command(tmp_path):
    path = tmp_path / "odd.parquet"
    name = 'x"; DROP TABLE t; --'
    pd.DataFrame({"pair_id": ["a", "b"], name: [2.0, 1.0]}).to_parquet(path)
    assert round_table.ordered(path, name).tolist() == [1.0, 2.0]


def test_numbers_that_are_not_there_are_nan():
    assert np.isnan(ask("SELECT * FROM (VALUES (1::INTEGER), (NULL)) t(v)")["v"]).tolist() == [False, True]


def test_a_worker_makes_the_table_and_goes_on_when_it_cannot(scored, table, monkeypatch, caplog):
    store, run_id = scored
    event = Picked(1, ())
    table.unlink()
    round_table.make_table(store, run_id, replace(event, round=1))
    assert table.exists()
    table.unlink()
    monkeypatch.setattr(round_table, "keep_room", lambda *_: (_ for _ in ()).throw(StoreError("full.", "wait")))
    round_table.make_table(store, run_id, event)
    assert not table.exists()
    assert "is made when it is asked for" in caplog.text
