"""What the stages took: time, tokens, tokens a second and peak memory, on the page, in the report and in a terminal."""

import json
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.store import queries
from engine.store import schema as s
from engine.store.database import Store
from engine.store.spent import stage_costs
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.cli.main import app as cli
from workbench.components.stage_table import stage_markup
from workbench.report.gather import gather
from workbench.report.html import as_html
from workbench.report.machine import machine
from workbench.spent_words import COLUMNS, in_short, took

ROWS = pd.DataFrame(
    [("r1", "trained", 2, 8.0, 120_000, 2_500_000_000), ("r1", "pooled", 2, 0.2, 0, 0),
     ("r2", "trained", 1, 4.0, 60_000, 900_000_000), ("r2", "picked", 1, 0.0, 0, 5_000)],
    columns=["run_id", "stage", "times", "seconds", "tokens", "peak_bytes"],
)  # fmt: skip


def test_rows_add_up_in_the_order_of_a_round() -> None:
    rows = took(ROWS)
    assert [row.stage for row in rows] == ["pooled", "picked", "trained", "all"]
    assert rows[2].words() == ("training", "3", "12 s", "180,000", "15,000", "2.5 GB")
    assert rows[3].words() == ("all", "", "12 s", "180,000", "15,000", "2.5 GB"), "of the stage that read any"
    assert in_short(rows) == "15,000 tokens/s, at most 2.5 GB"
    of_one = took(ROWS, "r2")
    assert [row.stage for row in of_one] == ["picked", "trained", "all"]
    assert of_one[-1].tokens_a_second == pytest.approx(15_000)


def test_what_nobody_counted_is_a_dash() -> None:
    rows = took(ROWS)
    assert rows[0].words() == ("gathering the pool", "2", "0 s", "–", "–", "–")
    assert rows[1].words()[3:] == ("–", "–", "5 KB")
    assert rows[0].numbers()["tokens_per_second"] is None
    assert took(ROWS[:0]) == []
    assert in_short([]) == "–"


def test_the_store_sums_what_its_stage_log_has(finished: Store) -> None:
    (study,) = queries.studies(finished)
    costs = stage_costs(finished, study.id)
    runs = queries.study(finished, study.id).runs
    assert set(costs["run_id"]) == {run.id for run in runs}
    for run in runs[:2]:
        log = queries.stage_log(finished, run.id)
        for row in costs[costs["run_id"] == run.id].itertuples():
            own = log[log["stage"] == row.stage]
            assert (row.times, row.tokens) == (len(own), own["tokens"].sum())
            assert row.seconds == pytest.approx(own["seconds"].sum())
            assert row.peak_bytes == own["peak_bytes"].max()


@pytest.fixture
def finished(tmp_path: Path) -> Store:
    """A finished study whose training held 3 GB; of the other stages nobody counted memory."""
    store = worlds.finished(tmp_path)
    with store.write() as connection:
        connection.execute(sa.update(s.stages).where(s.stages.c.stage == "trained").values(peak_bytes=3 * 10**9))
    return store


def test_page_report_and_terminal_say_the_same(finished: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (study,) = queries.studies(finished)
    costs = stage_costs(finished, study.id)
    rows = took(costs)
    whole = stage_markup(rows)
    assert all(f">{word}</td>" in whole for row in rows[:-1] for word in row.words())

    test = app(finished.folder, monkeypatch, study=study.id)
    assert not test.exception
    (drawer,) = [found for found in test.expander if found.label.startswith("What the stages took")]
    assert drawer.label == f"What the stages took: {in_short(rows)}"
    assert "at most 3.0 GB" in drawer.label
    assert whole in seen(test)
    one = queries.study(finished, study.id).runs[0]
    test.selectbox(key=f"took-of-{study.id}").set_value(one.id).run()
    assert whole not in seen(test)
    assert stage_markup(took(costs, one.id)) in seen(test)

    report = gather(finished, study.id)
    assert machine(report)["stages"] == [row.numbers() for row in rows]
    assert whole in as_html(report)

    def said(*more: str) -> str:
        return CliRunner().invoke(cli, ["study", "show", study.id, "--store", str(finished.folder), *more]).output

    text = said()
    assert all(word in text for word in (*COLUMNS, "training", "3.0 GB", *rows[-1].words()[2:5]))
    assert json.loads(said("--json"))["stages"] == [row.numbers() for row in rows]
