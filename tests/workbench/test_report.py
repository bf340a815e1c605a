"""The report: one file that fetches nothing and runs nothing of the data, the same findings for machines."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from engine.errors import StoreError
from engine.evidence import config_hash
from engine.store import queries
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.charts.embedded import library
from workbench.cli.main import app as cli
from workbench.components.take_away import file_name
from workbench.report.gather import gather
from workbench.report.html import as_html, write_html
from workbench.report.machine import machine, without_nan

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NAME = f'<script>alert(1)</script> "</title>" <img src="{worlds.PEER}/x.png"> $x^2$'
FETCHES = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background", "ping"}


class Reader(HTMLParser):
    """Tags with their attributes, scripts, and the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.tags[-1:] == ["script"] and self.lasttag == "script":
            self.scripts[-1] += data
        else:
            self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html.replace(library(), "<script>library</script>"))
    reader.close()
    return reader


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return worlds.finished(tmp_path_factory.mktemp("report") / "s", name=NAME, referee={"second_random": True})


@pytest.fixture(scope="module")
def report(store):
    return gather(store, queries.studies(store)[0].id, picks=worlds.BATCH)


@pytest.fixture(scope="module")
def html(report):
    return as_html(report, WHEN)


def test_nothing_in_the_file_is_fetched_and_no_text_is_markup(html):
    seen = read(html)
    assert html.count(library()) == 1, "plotly.js once"
    assert not [a for a in seen.attributes if a[0] in FETCHES]
    assert not set(seen.tags) & {"link", "img", "iframe", "object", "embed", "base", "form", "a", "audio", "video"}
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert not [style for style in styles if "url(" in style or "@import" in style]
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", html.replace(library(), ""))
    assert "default-src 'none'" in dict(seen.attributes[: seen.attributes.index(("name", "viewport"))])["content"]


def test_hostile_texts_are_there_whole_and_only_as_text(html, report):
    seen = read(html)
    pairs = [pair for _, found in report.picks.values() for pair in found]
    picked = {text for pair in pairs for text in (pair.response_a, pair.response_b)} & set(worlds.HOSTILE[:4])
    assert len(picked) >= 2, "the world's picks hold such texts"
    for text in (NAME, *picked):
        assert " ".join(text.split()) in " ".join(seen.text.split())
    own = [script for script in seen.scripts if "alert(1)" in script or "/script" in script]
    assert not own, "no text of the data stands in a script"
    assert len(seen.scripts) == 2 + html.count('<figure role="img"'), "plotly.js, folding for paper, a call a figure"


def test_the_report_tells_all_parts(html, report):
    text = " ".join(read(html).text.split())
    for words in (
        "Verdicts", "Held-out accuracy", "Paired differences to random", "Guardrails", "Config", "Provenance",
        "How to read this.", "luck band", "pool like", "balanced", "Made 2026-01-02 03:04 UTC", "Is the next batch",
        "ActiveDPO: what it picked",
        f"SHA-256 {config_hash(report.detail)}", "labels_per_round: 6", "seeds 1, 2, 3", "names no evaluator",
    ):  # fmt: skip
        assert words in text, words
    for finding in report.evidence.found.values():
        assert f"{finding.verdict.difference.mean:+.3f}".replace("-", "−") in text
    assert html.count('<article class="pair">') == 4 * worlds.BATCH, "the second random arm's picks are nobody's"
    assert html.count('<section class="page">') == 4


def test_the_figures_are_those_of_the_page_on_white(html):
    figures = re.findall(r'Plotly\.newPlot\(\s*"([\w-]+)"', html)
    assert figures == ["forest", "curve-0", "curve-1", "paired"]
    assert "luck band of random" in html
    assert "color-scheme: light" in html


def test_before_any_run_has_finished_the_report_says_so(tmp_path):
    store = worlds.open_store(tmp_path / "s")
    worlds.add_study(store, "just queued", seeds=(1,), rounds=1)
    found = gather(store, "just queued")
    text = read(as_html(found)).text
    assert "There is no verdict yet." in text
    assert "No round is done yet." in text
    assert "No run has begun." in text
    assert json.dumps(machine(found))


@pytest.mark.parametrize(
    ("only", "figures"),
    [
        (("activedpo:shuffled",), ["curve-0", "curve-1"]),
        (("random", "activedpo:shuffled"), ["curve-0", "curve-1", "paired"]),
        (("random:again",), ["curve-0", "curve-1"]),
        (("random:again", "activedpo:shuffled"), ["curve-0", "curve-1"]),
    ],
)
def test_where_no_strategy_has_a_round_what_is_there_is_drawn(tmp_path, monkeypatch, only, figures):
    store = worlds.finished(
        tmp_path / "s", only, strategies=("random", "activedpo"), controls=["shuffled"], referee={"second_random": True}
    )
    html = as_html(gather(store, queries.studies(store)[0].id))
    assert re.findall(r'Plotly\.newPlot\(\s*"([\w-]+)"', html) == figures
    alone = only == ("activedpo:shuffled",)
    assert ("Only controls have been measured so far" in read(html).text) == alone
    test = app(store.folder, monkeypatch, "curves")
    assert not test.exception
    assert len(test.get("plotly_chart")) == 2
    assert ("Only controls have been measured so far" in seen(test)) == alone
    assert "No round is done yet." not in seen(test)
    assert ("luck band" in seen(test)) == ("random:again" in only and "random" in only)


@pytest.mark.parametrize(("statistic", "words"), [("final", "the last round"), ("area", "the mean level over labels")])
def test_the_forest_plot_says_which_statistic_it_shows(tmp_path, statistic, words):
    store = worlds.finished(tmp_path / "s", strategies=("random", "apl"), referee={"statistic": statistic})
    html = as_html(gather(store, queries.studies(store)[0].id))
    assert f'aria-label="difference to random in {words}, pool like"' in html
    assert f"by {words}, declared before the start" in read(html).text


def test_the_file_is_written_whole_or_an_error_says_where(report, tmp_path):
    target = tmp_path / "report.html"
    assert write_html(report, target) == target.stat().st_size
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(StoreError, match="cannot be written to"):
        write_html(report, tmp_path / "nowhere" / "report.html")


def test_machines_get_the_same_findings(report, html):
    value = json.loads(json.dumps(machine(report), allow_nan=False))
    assert value["twins"] == dict.fromkeys(("activedpo", "apl", "real"), "random")
    assert value["second_arms"] == {"random": "random:again"}
    assert value["config_sha256"] == config_hash(report.detail)
    assert {row["strategy"] for row in value["levels"]["pool_like"]} == {*value["twins"], "random", "random:again"}
    assert [row["strategy"] for row in value["verdicts"]] == ["activedpo", "apl", "real"]
    assert (value["standing"]["level"], value["standing"]["exploratory"]) == (0.95, "")
    assert [guard["strategy"] for guard in value["guardrails"]["strategies"]] == ["random", "activedpo", "apl", "real"]
    for row in value["verdicts"]:
        assert row["twin"] == "random"
        assert row["verdict"]["low"] < row["verdict"]["difference"]["mean"] < row["verdict"]["high"]
    assert without_nan({"a": [float("nan"), 1.0]}) == {"a": [None, 1.0]}


def test_the_command_writes_the_file_and_speaks_json(store, tmp_path):
    study, target = queries.studies(store)[0].id, tmp_path / "out.html"
    run = CliRunner()
    done = run.invoke(
        cli, ["study", "report", study, "--html", str(target), "--pairs", "2", "--store", str(store.folder)]
    )
    assert done.exit_code == 0
    assert "fetches nothing" in done.output
    assert target.read_text(encoding="utf-8").count('<article class="pair">') == 4 * 2
    given = run.invoke(cli, ["study", "report", study, "--json", "--store", str(store.folder)])
    value = json.loads(given.output)
    assert {"rows", "metric", "verdicts", "guardrails", "twins", "levels", "config_sha256"} <= set(value)


def test_the_page_offers_the_report_under_the_studys_name(store, monkeypatch):
    test = app(store.folder, monkeypatch, "curves")
    assert not test.exception
    assert [b.label for b in test.main.get("download_button")] == ["Report"]
    assert file_name("../../etc/x y: Größe") == "etc-x-y-größe"
    assert file_name("…/") == "study"
