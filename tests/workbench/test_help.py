"""The page Help: all of it comes from the plugins, the config and the tables that the app itself uses."""

import ast
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from engine.filters.base import FILTERS
from engine.oracles.base import ORACLES
from engine.samplers.base import SAMPLERS
from engine.selection.recipes import Recipe, Uniform
from engine.signals.base import SIGNALS
from engine.strategies.base import STRATEGIES, Strategy
from engine.trackers.base import TRACKERS
from tests.workbench import worlds
from tests.workbench.test_pages import app, seen
from workbench.charts.metrics import KNOWN
from workbench.components.help_plugins import signal_cost, with_code
from workbench.components.markup import escaped
from workbench.words import FLOW, WORDS

ROOT = Path(__file__).parents[2]
CHAPTERS = ("start", "words", "strategies", "signals", "samplers and oracles", "trackers", "metrics", "study file")


@pytest.fixture
def store(tmp_path) -> Path:
    return worlds.open_store(tmp_path / "empty").folder


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_draws_without_a_study(store, monkeypatch, chapter):
    test = app(store, monkeypatch, "help", chapter=chapter)
    assert not test.exception
    assert "could not be drawn" not in seen(test)
    assert "Help" in seen(test)
    assert not test.markdown


def test_the_start_says_how_a_round_goes(store, monkeypatch):
    said = seen(app(store, monkeypatch, "help"))
    assert all(f"<b>{stage}</b>" in said for stage, _ in FLOW)


def test_every_word_is_in_the_table(store, monkeypatch):
    said = seen(app(store, monkeypatch, "help", chapter="words"))
    assert all(word.means.split(";")[0] in said for word in WORDS if "'" not in word.means)


def test_every_strategy_has_its_formula_source_and_parameters(store, monkeypatch):
    test = app(store, monkeypatch, "help", chapter="strategies")
    said = seen(test)
    for strategy in STRATEGIES:
        assert strategy.formula, f"{strategy.name} has no formula"
        assert f"<code>{strategy.name}</code>" in said
        assert all(f"<code>{name}</code>" in said for name in strategy.model_fields)
    assert [element.value.strip("$\n") for element in test.latex] == [strategy.formula for strategy in STRATEGIES]
    assert "arXiv:2505.19241" in said
    assert "a number above 0" in said


@pytest.mark.parametrize(
    ("chapter", "registries"),
    [("signals", [SIGNALS]), ("samplers and oracles", [SAMPLERS, ORACLES, FILTERS]), ("trackers", [TRACKERS])],
)
def test_every_other_plugin_is_there(store, monkeypatch, chapter, registries):
    said = seen(app(store, monkeypatch, "help", chapter=chapter))
    assert all(f"<code>{plugin.name}</code>" in said for registry in registries for plugin in registry)


def test_a_plugin_registered_a_moment_ago_shows_up(store, monkeypatch):
    class Coin(Strategy):
        """Label pairs by the toss of a <b>coin</b>."""

        name: ClassVar[str] = "coin"
        source: ClassVar[str] = "ours, today"
        formula: ClassVar[str] = r"a = \tfrac{1}{2}"
        sides: int = Field(2, ge=2, le=20, description="of the coin")

        def recipe(self, view: object) -> Recipe:
            return Uniform()

    STRATEGIES.names()
    monkeypatch.setitem(STRATEGIES._classes, "coin", Coin)
    test = app(store, monkeypatch, "help", chapter="strategies")
    said = seen(test)
    assert "Label pairs by the toss of a &lt;b&gt;coin&lt;/b&gt;." in said
    assert "a whole number from 2 to 20" in said
    assert "ours, today" in said
    assert any(r"\tfrac{1}{2}" in element.value for element in test.latex)


def test_metrics_say_unit_and_direction(store, monkeypatch):
    said = seen(app(store, monkeypatch, "help", chapter="metrics"))
    assert "nats per pair" in said
    assert "higher is better" in said


def test_the_units_are_those_that_the_engine_measures_in():
    found: dict[str, str] = {}
    for file in ("held_out", "generations"):
        tree = ast.parse((ROOT / "engine" / "dpo" / f"{file}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Metric" and len(node.args) == 5:
                name, unit = node.args[0], node.args[4]
                if isinstance(name, ast.Constant) and isinstance(unit, ast.Constant):
                    found[name.value] = unit.value
    assert len(found) >= 10
    assert {name: KNOWN[name].unit for name in found} == found
    assert all(words.what and words.unit for words in KNOWN.values())


def test_every_signal_says_what_it_means_and_what_it_costs(tmp_path, monkeypatch):
    said = seen(app(tmp_path, monkeypatch, "help", chapter="signals"))
    for signal in SIGNALS:
        assert escaped(" ".join(str(signal.__doc__).split("\n\n")[0].split())) in said, signal.name
        assert escaped(signal_cost(SIGNALS.build(signal.name))) in said, signal.name
    assert signal_cost(SIGNALS.build("response_length")) == "no pass of the model"
    assert signal_cost(SIGNALS.build({"name": "prompt_entropy", "samples": 4})) == "4 generations a prompt"
    assert signal_cost(SIGNALS.build("prompt_embedding")) == "1 forward a prompt"
    assert "1 forward a response; one pass serves" in signal_cost(SIGNALS.build("reward_margin"))
    assert "1 backward a response; one pass serves" in signal_cost(
        SIGNALS.build({"name": "reward_gradient", "dimension": 64})
    )


def test_what_stands_between_backticks_is_code_and_still_text():
    assert with_code("as `past: <b>` says") == "as <code>past: &lt;b&gt;</code> says"
    assert with_code("one ` alone") == "one ` alone"
