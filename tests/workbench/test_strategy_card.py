"""What is shown of a strategy, on the command line and on the page Help: idea, formula, cost, names, open points."""

import json

import pytest

from engine.strategies.base import STRATEGIES, Strategy, find
from tests.workbench import worlds
from tests.workbench.test_cli import invoke
from tests.workbench.test_pages import app, seen
from workbench.components.markup import escaped

ALL = pytest.mark.parametrize("strategy", list(STRATEGIES), ids=lambda s: s.name)


@ALL
def test_the_command_line_shows_the_whole_card(strategy: type[Strategy]) -> None:
    code, text = invoke("strategy", "show", strategy.name)
    assert code == 0
    said = " ".join(text.split())
    for part in (strategy.summary(), strategy.formula, strategy.source, strategy.cost, strategy.open_points):
        assert " ".join(part.split()) in said
    assert all(alias in text for alias in strategy.aliases)
    assert all(f"  {name} = " in text for name in strategy.model_fields)
    code, text = invoke("strategy", "show", strategy.name, "--json")
    value = json.loads(text)
    assert (value["cost"], tuple(value["aliases"])) == (strategy.cost, strategy.aliases)
    assert (value["control"], value["learns"]) == (strategy.control, strategy.learns)


@ALL
def test_every_other_name_finds_it(strategy: type[Strategy]) -> None:
    for alias in (strategy.name, *strategy.aliases):
        for name in (alias, alias.partition(" (")[0]):
            assert find(name) is strategy
    for alias in strategy.aliases:
        assert find(alias.upper()) is find(alias.lower()) is strategy


@pytest.mark.parametrize(
    ("alias", "name"),
    [("SHARP", "smallest_margin"), ("w-sharp", "smallest_margin"), ("ADPO+", "adpo"), ("core-set", "k_center")],
)
def test_another_name_shows_the_method_behind_it(alias: str, name: str) -> None:
    assert invoke("strategy", "show", alias) == invoke("strategy", "show", name)


def test_a_name_nobody_goes_by_is_refused() -> None:
    code, text = invoke("strategy", "show", "shrap")
    assert code == 2
    assert "No strategy is called 'shrap'" in text


def test_help_shows_cost_and_other_names(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = worlds.open_store(tmp_path / "empty").folder
    said = seen(app(store, monkeypatch, "help", chapter="strategies"))
    for strategy in STRATEGIES:
        assert escaped(strategy.cost) in said
        assert all(escaped(alias) in said for alias in strategy.aliases)
        assert escaped(strategy.open_points) in said
