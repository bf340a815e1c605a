"""The report of a campaign, number by number as worked by hand, in every state, on the page, as a file and as JSON."""

import json
from dataclasses import replace
from math import sqrt

import pytest
from scipy import stats
from typer.testing import CliRunner

from engine.store import inbox, queries
from tests.workbench import worlds
from tests.workbench.campaign_worlds import HOSTILE, campaign
from tests.workbench.test_pages import app, seen
from tests.workbench.test_report import read
from workbench.campaign import campaign as found_of
from workbench.campaign_words import by_models, sentences
from workbench.cli.main import app as cli
from workbench.report.gather import gather
from workbench.report.html import as_html
from workbench.report.machine import machine

STATES = ("queued", "asked", "answered", "picked", "done")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaigns")
    made = {upto: campaign(folder / upto, upto) for upto in STATES}
    for store, _ in made.values():
        inbox.tour_seen(store)
    return made


def of(stores, upto="done"):
    store, study_id = stores[upto]
    return found_of(store, queries.study(store, study_id))


def wilson(count: int, n: int) -> tuple[float, float, float]:
    span = stats.binomtest(count, n).proportion_ci(method="wilson")
    return count / n, span.low, span.high


def test_the_run_has_intervals_over_prompts_alone(stores):
    found = of(stores)
    sample, audit = found.lines
    assert [(line.name, line.bought, line.pairs) for line in found.lines] == [("near", True, 4), ("audit", True, 3)]
    assert [p.labels for p in sample.points] == [0, 5, 10]
    start, _, last = sample.points
    assert (start.level.mean, start.level.low) == (0.5, None), "the policy is the reference: so by construction"
    assert (last.level.mean, last.level.low, last.level.high) == pytest.approx(wilson(3, 4))
    half = stats.t.ppf(0.975, 3) * 0.5 / sqrt(4)
    assert (last.gain.mean, last.gain.low, last.gain.high) == pytest.approx((0.25, 0.25 - half, 1.0))
    assert audit.points[-1].level.mean == pytest.approx(2 / 3)
    against = found.audit.against
    one, other = wilson(2, 3), wilson(3, 4)
    assert against.difference == pytest.approx(2 / 3 - 3 / 4)
    assert against.low == pytest.approx(2 / 3 - 3 / 4 - sqrt((one[0] - one[1]) ** 2 + (other[2] - other[0]) ** 2))


def test_the_slice_is_held_beside_the_file_and_the_picks(stores):
    audit = of(stores).audit
    assert (audit.meant, audit.picks) == (4, 10)
    assert dict(audit.answers) == {"a": 2, "b": 1, "tie": 1, "both_bad": 0, "skip": 0}
    assert (audit.recorded.count, audit.recorded.n) == (2, 3), "the file says a everywhere; a tie has no side"
    rows = {one.what: one.apart for one in audit.differs}
    ties = rows["ties and both bad"]
    assert (ties.first.mean, ties.second.mean) == pytest.approx((0.2, 0.25))
    assert (ties.first.low, ties.first.high) == pytest.approx(wilson(2, 10)[1:])
    assert rows["skips"].difference == 0
    assert (rows["time an answer"].first.mean, rows["time an answer"].second.mean) == (30.0, 20.0)
    assert rows["time an answer"].low is None, "all alike: no spread, no interval"
    assert rows["length of both responses"].first.mean == 12, "yes 00 and nay 00"
    margin = rows["|margin| before the label"]
    assert (margin.first.mean, margin.first.n) == (2.0, 3), "3, 2 and 1 of round 2; in round 1 all are 0"
    assert (margin.second.mean, margin.second.n) == (1.0, 3)
    assert audit.first.n == 3
    assert audit.first_picks.n == 8


def test_shadows_stand_beside_two_random_draws(stores):
    random, real = of(stores).shadows
    assert (random.shared.shared, real.shared.shared, real.shared.of) == (0, 4, 10)
    assert real.shared.chance == pytest.approx(25 / 16 + 25 / 11)
    assert real.rounds == ((1, 2, 5), (2, 2, 5))
    assert random.placed is None
    assert real.placed.mean == 85
    half = stats.norm.ppf(0.975) * sqrt(100**2 / 12 * (5 * (1 - 5 / 16) + 5 * (1 - 5 / 11))) / 10
    assert real.placed.high == pytest.approx(50 + half)


def test_labels_by_models_are_said(stores):
    found = of(stores)
    assert by_models(found) == ""
    routed = [replace(one, people=6) if one.purpose == "label" else one for one in found.bought]
    assert "Models gave 4 of the 10 labels of picks" in " ".join(sentences(replace(found, bought=tuple(routed))))


def test_the_cost_adds_up_to_what_the_study_paid_for(stores):
    store, study_id = stores["done"]
    bought = {one.purpose: (one.answers, one.people, one.seconds) for one in of(stores).bought}
    assert bought == {"held_out": (4, 4, 40.0), "audit": (4, 4, 80.0), "label": (10, 10, 300.0)}
    assert sum(n for n, _, _ in bought.values()) == queries.study(store, study_id).summary.labels_unique


@pytest.mark.parametrize("upto", STATES)
def test_page_file_and_json_tell_the_same_in_every_state(stores, monkeypatch, upto):
    store, study_id = stores[upto]
    page, report = seen(app(store.folder, monkeypatch, "curves")), gather(store, study_id)
    html, value = " ".join(read(as_html(report)).text.split()), machine(report)
    for words in ("A campaign gives no verdict.", "APL and its random twin", "Audit slice", "What it cost"):
        assert words in page, words
        assert words in html, words
    assert value["campaign"]["sentences"][0].startswith("A campaign gives no verdict.")
    assert value["verdicts"] == []
    assert "There is no verdict yet." not in page + html
    assert json.loads(json.dumps(value, allow_nan=False))["campaign"]["state"] == report.detail.runs[0].state
    first = "No answer has come in yet."
    assert (first in page, first in html) == (upto in ("queued", "asked"),) * 2
    shadows = "REAL" if upto in ("picked", "done") else "No other strategy has picked in the shadow."
    assert shadows in page
    assert shadows in html
    if upto == "done":
        for number in ("0.750 (0.301 to 0.954)", "+0.250", "4 of 10", "0.12", "held-out sample"):
            assert number in html, number
        assert "in this campaign" in page


def test_the_command_says_it_in_every_state(stores):
    for upto in ("asked", "done"):
        store, study_id = stores[upto]
        told = CliRunner().invoke(cli, ["study", "report", study_id, "--store", str(store.folder)])
        assert told.exit_code == 0, told.output
        assert "A campaign gives no verdict." in told.output
        told = CliRunner().invoke(cli, ["study", "report", study_id, "--store", str(store.folder), "--json"])
        assert len(json.loads(told.stdout)["campaign"]["bought"]) == (3 if upto == "done" else 0)


def test_names_of_the_study_stay_text(tmp_path, monkeypatch):
    store, study_id = campaign(tmp_path / "s", name=HOSTILE, held_out="x<img src=y>")
    inbox.tour_seen(store)
    html = as_html(gather(store, study_id))
    parts = read(html)
    assert not set(parts.tags) & {"img", "link", "iframe"}
    assert len(parts.scripts) == 2 + html.count('<figure role="img"')
    assert HOSTILE in parts.text
    assert "x<img src=y>" in parts.text
    page = seen(app(store.folder, monkeypatch, "curves"))
    assert "x&lt;img src=y&gt;" in page
    assert "<img" not in page


def test_a_rehearsal_has_none_of_it(tmp_path):
    store = worlds.finished(tmp_path / "s", seeds=(1,), strategies=("random", "activedpo"))
    report = gather(store, queries.studies(store)[0].id)
    assert report.campaign is None
    assert machine(report)["campaign"] is None
    assert "A campaign gives no verdict." not in as_html(report)
