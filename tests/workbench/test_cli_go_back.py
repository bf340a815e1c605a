"""`workbench run go-back`: which labels that a run used are others now, and on from before the first of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.records import Label, Labelled
from engine.store import answered, queries, roles, writer
from engine.store import schema as s
from engine.store.assignments import Said
from engine.store.database import Store
from tests.engine.store.campaign_world import campaign, finish, labels
from tests.engine.store.test_store import a_worker
from workbench.cli.main import app


def said(store: Store, *words: str) -> Any:
    found = CliRunner().invoke(app, ["run", "go-back", *words, "--store", str(store.folder)])
    return found.exit_code, found.stdout + found.stderr


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[Store, str, str]:
    """A campaign that has used the labels of its first batch, and stands still."""
    store, study_id, run_id = made = campaign(tmp_path / "store")
    finish(made, "Mira")
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    given = tuple(Label(row.pair_id, row.answer, "people") for row in labels(store))
    assert writer.save_event(store, claim, Labelled(1, given))
    with store.write() as connection:
        connection.execute(sa.update(s.runs).values(state="paused"))
    return store, study_id, run_id


def test_corrected_labels_are_told_and_the_run_goes_on_from_before_them(labelled: tuple[Store, str, str]) -> None:
    store, study_id, run_id = labelled
    assert said(store, run_id) == (0, f"{run_id}: no label that it used was changed since.\n")
    mira = roles.at_the_machine(store, "Mira")
    first = answered.earlier(store, study_id, mira.id)[0]
    answered.correct(store, study_id, mira.id, first.assignment_id, Said("b"))
    code, words = said(store, run_id, "--show")
    assert code == 0
    assert "1 label that this run used was changed since: 1 of round 1." in words
    assert first.pair_id in words
    assert queries.study(store, study_id).runs[0].state == "paused", "--show changes nothing"
    code, words = said(store, run_id, "--json")
    told = json.loads(words)
    assert told["changed"] == [{"round": 1, "pair_id": first.pair_id, "was": "a", "now": "b"}]
    assert (told["before_round"], told["goes_on"]) == (1, True)
    run = queries.study(store, study_id).runs[0]
    assert (run.state, run.stage) == ("queued", "picked")
    assert said(store, run_id)[1].endswith("was changed since.\n")


def test_a_run_at_work_and_one_that_is_none_get_a_sentence(labelled: tuple[Store, str, str]) -> None:
    store, study_id, run_id = labelled
    mira = roles.at_the_machine(store, "Mira")
    first = answered.earlier(store, study_id, mira.id)[0]
    answered.correct(store, study_id, mira.id, first.assignment_id, Said("b"))
    with store.write() as connection:
        connection.execute(sa.update(s.runs).values(state="queued"))
    code, words = said(store, run_id)
    assert (code, "Pause it first." in words) == (2, True)
    code, words = said(store, "r0")
    assert (code, "There is no run 'r0'" in words) == (2, True)
