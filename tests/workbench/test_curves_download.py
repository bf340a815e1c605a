"""A figure to take away: the camera's form, the CSV of every value, and the strategy that the link puts in focus."""

import io
import json
import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.charts.curves import value_axis
from workbench.charts.palette import DARK, INKS, LIGHT
from workbench.charts.paper import on_paper
from workbench.charts.strips import figure_of
from workbench.components.take_away import picture_config, rows_of
from workbench.spreadsheet import as_csv, guarded


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return worlds.finished(tmp_path_factory.mktemp("curves") / "own")


def download(store, monkeypatch, **query: str) -> AppTest:
    """The page with its dialog open."""
    test = app(store.folder, monkeypatch, "curves", **query)
    next(b for b in test.button if b.label == "Download").click().run()
    assert not test.exception
    return test


def saved(test: AppTest) -> list[dict]:
    """How the camera of each figure saves it; the figures on the screen have none."""
    configs = [json.loads(chart.proto.config) for chart in test.get("plotly_chart")]
    return [config["toImageButtonOptions"] for config in configs if config["displayModeBar"]]


def test_the_camera_saves_in_the_form_that_was_chosen(store, monkeypatch):
    test = download(store, monkeypatch)
    assert [(s["format"], s["scale"]) for s in saved(test)] == [("png", 2)] * 2
    assert [s["filename"] for s in saved(test)] == ["accuracy-pool_like", "accuracy-balanced"]
    buttons = [b.label for b in test.get("download_button")]  # the dialog stands beside the page's main part
    assert buttons == ["Report", "Open as notebook", "Every value, CSV"]
    svg = picture_config("x", "SVG")["toImageButtonOptions"]
    assert (svg["format"], svg["scale"]) == ("svg", 1)


def test_any_figure_can_be_taken_away(store, monkeypatch):
    found = saved(download(store, monkeypatch, figure="KL to the reference"))
    assert [s["filename"] for s in found] == ["kl-all"]


@pytest.mark.parametrize("figure", ["held-out accuracy", "KL to the reference"])
def test_what_is_saved_from_the_dark_is_light_and_the_screen_stays_dark(store, monkeypatch, figure):
    monkeypatch.setattr("workbench.session.mode", lambda: "dark")
    test = download(store, monkeypatch, figure=figure)
    specs = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]
    papers = [spec for spec in specs if spec["layout"]["paper_bgcolor"] == "#FFFFFF"]
    assert len(papers) == (len(specs) - 2) / 2, "the paired differences and the verdicts are drawn once, on the screen"
    for spec in specs:
        colours = set(re.findall(r"#[0-9A-F]{6}", json.dumps(spec["layout"]["yaxis"]) + json.dumps(spec["data"])))
        own, other = (LIGHT, DARK) if spec in papers else (DARK, LIGHT)
        assert colours & set(own)
        assert not colours & set(other)
        assert INKS["light" if spec in papers else "dark"].muted in colours


def test_a_saved_figure_says_what_it_was_made_on_and_no_name_is_markup():
    frame = pd.DataFrame(
        {"strategy": "random", "title": "random", "slot": 0, "seed": 1, "round": [0, 1], "labels": [0, 6],
         "value": [0.5, 0.6], "n": 9}
    )  # fmt: skip
    drawn = {"axis": value_axis(frame), "y_title": "accuracy (share of pairs)", "mode": "light"}
    long = "word " * 60
    figure = on_paper(figure_of(frame, **drawn), "Accuracy", ["<a href='http://x'>near</a> & $far$", long])
    text = figure.layout.title.text
    assert "&lt;a href='http://x'&gt;near&lt;/a&gt; &amp; &#36;far&#36;" in text
    assert re.findall(r"</?(\w+)", text) == ["b", "b", *["br", "span", "span"] * 4]
    assert figure.layout.margin.t > 100, "the lines have their room"
    assert figure.layout.plot_bgcolor == figure.layout.paper_bgcolor == "#FFFFFF"


def test_the_csv_holds_every_row_of_the_figure():
    frame = pd.DataFrame({"strategy": ["random", "apl"], "round": [0, 0], "value": [0.5, 0.25]})
    rows = pd.read_csv(io.BytesIO(as_csv(rows_of({"near": frame, "far": frame}))))
    assert len(rows) == 4
    assert list(rows["held_out"]) == ["near", "near", "far", "far"]
    assert list(rows["value"]) == [0.5, 0.25, 0.5, 0.25]
    assert rows_of({}).empty


def test_nothing_in_a_csv_runs_in_a_spreadsheet():
    frame = pd.DataFrame(
        {"=1+1": ["=HYPERLINK()", "+1", "@x", "-2", "\tx", "plain", None], "n": [-1, 2, 3, 4, 5, 6, 7]}
    )
    rows = as_csv(frame).decode().splitlines()
    assert rows[0] == "'=1+1,n"
    assert rows[1] == "'=HYPERLINK(),-1", "a number stays a number"
    assert [guarded(text)[0] for text in ("=a", "+1", "@x", "-2", "\tx", "\rx")] == ["'"] * 6
    assert guarded("plain") == "plain"
    assert guarded(-2) == -2


def test_the_strategy_in_the_link_is_drawn_heavier(store, monkeypatch):
    test = app(store.folder, monkeypatch, "curves", strategy="REAL")
    figure = json.loads(test.get("plotly_chart")[0].proto.spec)
    widths = {t["name"]: t["line"]["width"] for t in figure["data"] if t.get("mode") == "lines+markers"}
    assert {name for name, width in widths.items() if width == max(widths.values())} == {"REAL"}


def test_before_the_first_round_there_is_nothing_to_take_away(tmp_path, monkeypatch):
    store = worlds.open_store(tmp_path / "new")
    worlds.add_study(store, "just queued", seeds=(1,), rounds=1)
    test = app(store.folder, monkeypatch, "curves")
    assert "No round is done yet." in seen(test)
    assert not test.main.get("download_button")
    assert not picture_config("x", "SVG")["displaylogo"]
