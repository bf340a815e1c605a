"""What is shown of a strategy, on the command line and on the page Help: idea, formula, cost, names, open points."""

import json

import pytest

from engine.strategies.base import STRATEGIES, Strategy, find
from tests.workbench import worlds
from tests.workbench.test_cli import invoke
from tests.workbench.test_pages import app, seen
from workbench.components.help_plugins import with_code
from workbench.components.markup import escaped
from workbench.plugin_words import NOTHING_PUBLISHED, as_published

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
    assert all(f"  {field}: {said}" in text for field, said in as_published(strategy))
    assert strategy.published or NOTHING_PUBLISHED in text
    code, text = invoke("strategy", "show", strategy.name, "--json")
    value = json.loads(text)
    assert (value["cost"], tuple(value["aliases"])) == (strategy.cost, strategy.aliases)
    assert (value["control"], value["learns"]) == (strategy.control, strategy.learns)
    assert value["published"] == json.loads(json.dumps(dict(strategy.published)))


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
        assert with_code(strategy.cost) in said
        assert all(escaped(alias) in said for alias in strategy.aliases)
        assert with_code(strategy.open_points) in said
        assert all(escaped(value) in said for _, value in as_published(strategy))
    assert said.count(escaped(NOTHING_PUBLISHED)) == sum(not strategy.published for strategy in STRATEGIES)


def test_a_papers_setting_in_words() -> None:
    assert as_published(STRATEGIES.get("real"))[2:6] == [
        ("dpo", "beta 0.1, learning rate 5e-07, epochs 1, batch pairs 16"), ("rounds", "1"),
        ("label share", "one pair of 1 prompt in 2"), ("warm up", "no"),
    ]  # fmt: skip
    assert as_published(STRATEGIES.get("real"))[-2:] == [
        ("sampler, with per prompt", "all_pairs"), ("label share, with per prompt", "one pair of each prompt"),
    ]  # fmt: skip
    assert ("label share", "1 pair in 3 of a round's pool") in as_published(STRATEGIES.get("ae_dpo"))
    assert dict(as_published(STRATEGIES.get("activedpo")))["signals"] == "reward_gradient (dimension 8192)"
    assert "label share" not in dict(as_published(STRATEGIES.get("apo"))), "it labels 20, whatever the pool holds"
