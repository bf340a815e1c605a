"""What every strategy must do, whoever wrote it. All picks go through `engine.selection.execute`, as in a study."""

import inspect
import json
import re
from typing import Any

import numpy as np
import pytest

from engine.errors import SelectionError, UnknownName
from engine.records import Pick
from engine.seeds import rng_for
from engine.selection.execute import execute, scores_of
from engine.strategies.base import STRATEGIES, Strategy, answers_to, find
from tests.contracts.views import World, frozen, world_for

ALL = pytest.mark.parametrize("strategy", [cls() for cls in STRATEGIES], ids=lambda s: s.name)
PAST = pytest.mark.parametrize("picked", [0, 5], ids=["first round", "later round"])


def picks(strategy: Strategy, world: World, **where: Any) -> list[Pick]:
    view = world.view(**where)
    return execute(strategy.recipe(view), view)


def ids(found: list[Pick]) -> list[str]:
    return [pick.pair_id for pick in found]


def test_all_strategies_are_here() -> None:
    assert {"random", "apl", "apl_certainty", "apl_entropy", "activedpo", "real"} <= set(STRATEGIES.names())


@ALL
@PAST
def test_k_distinct_pairs_of_the_pool_in_rank_order(strategy: Strategy, picked: int) -> None:
    world = world_for(strategy, picked=picked)
    found = picks(strategy, world, k=8)
    assert len(set(ids(found))) == 8
    assert set(ids(found)) <= {pair.id for pair in world.pairs}
    assert [pick.rank for pick in found] == list(range(1, 9))
    assert all(np.isfinite(n) for p in found for n in (p.score, p.gain) if n is not None)


@ALL
@PAST
def test_same_seed_same_picks(strategy: Strategy, picked: int) -> None:
    assert picks(strategy, world_for(strategy, picked=picked)) == picks(strategy, world_for(strategy, picked=picked))


@ALL
@PAST
def test_the_order_of_the_pool_changes_nothing(strategy: Strategy, picked: int) -> None:
    world = world_for(strategy, picked=picked)
    rows = rng_for(3, None, "another order").permutation(len(world.pairs))
    straight, shuffled = picks(strategy, world), picks(strategy, world.order(rows))
    assert ids(straight) == ids(shuffled)
    for one, other in zip(straight, shuffled, strict=True):
        assert one.score == pytest.approx(other.score)


@ALL
@PAST
def test_which_response_is_side_a_changes_nothing(strategy: Strategy, picked: int) -> None:
    world = world_for(strategy, picked=picked)
    for rows in (range(len(world.pairs)), range(0, len(world.pairs), 2)):
        assert ids(picks(strategy, world.mirrored(rows))) == ids(picks(strategy, world))
    assert ids(picks(strategy, world.mirrored_past())) == ids(picks(strategy, world))


@ALL
def test_all_of_a_pool_none_of_it_and_more_than_it_holds(strategy: Strategy) -> None:
    world = world_for(strategy)
    n = len(world.pairs)
    assert sorted(ids(picks(strategy, world, k=n))) == sorted(pair.id for pair in world.pairs)
    assert picks(strategy, world, k=0) == []
    with pytest.raises(SelectionError, match=rf"{n + 1} pairs were asked for, {n} are left"):
        picks(strategy, world, k=n + 1)


@ALL
def test_ties_are_broken_by_the_seed_and_not_by_the_order(strategy: Strategy) -> None:
    world = world_for(strategy).with_values(lambda name, values: np.ones_like(values))
    by_seed = {tuple(ids(picks(strategy, world, seed=seed))) for seed in range(6)}
    assert len(by_seed) == 6
    backwards = world.order(range(len(world.pairs))[::-1])
    assert ids(picks(strategy, backwards)) == ids(picks(strategy, world))
    assert ids(picks(strategy, world, round_number=2)) != ids(picks(strategy, world, round_number=3))


@ALL
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_signal_that_is_not_finite_stops_and_names_a_pair(strategy: Strategy, bad: float) -> None:
    for spoilt in sorted(strategy.needs):
        world = world_for(strategy).with_values(
            lambda name, v, spoilt=spoilt: with_one(v, bad) if name == spoilt else v
        )
        signal = world.signals[spoilt]
        prompts = {p.prompt_id for p in world.pairs if signal.ids[4] in (p.id, p.prompt_id, p.a, p.b)}
        touched = [p.id for p in world.pairs if p.prompt_id in prompts]  # a score may compare a prompt's responses
        with np.errstate(invalid="ignore"), pytest.raises(SelectionError, match="not finite") as error:
            picks(strategy, world)
        assert any(pair_id in str(error.value) for pair_id in touched)


def with_one(values: np.ndarray, bad: float) -> np.ndarray:
    spoilt = values.copy()
    spoilt[4] = bad
    return spoilt


@ALL
def test_it_changes_nothing_that_it_is_given(strategy: Strategy) -> None:
    """The arrays are read-only, so a write raises; the copies show what a write by another way would do."""
    world = world_for(strategy, picked=5)
    before = {name: signal.values.copy() for name, signal in world.signals.items()}
    view = world.view()
    execute(strategy.recipe(view), view)
    assert all(np.array_equal(before[name], signal.values) for name, signal in world.signals.items())
    assert view.pairs == world.pairs


@ALL
def test_it_reads_what_it_declares_and_nothing_else(strategy: Strategy) -> None:
    """The view holds the declared signals alone; without any one of them it must stop."""
    world = world_for(strategy)
    assert set(world.signals) == strategy.needs
    for name in strategy.needs:
        without = World(world.pairs, {n: s for n, s in world.signals.items() if n != name})
        with pytest.raises(SelectionError, match="does not declare"):
            picks(strategy, without)


@ALL
def test_labels_that_others_bought_are_out_of_reach(strategy: Strategy) -> None:
    """What a view offers is this list; a new door to the answers would show here."""
    offered = {name for name in dir(world_for(strategy).view()) if not name.startswith("_")}
    expected = "difference ids k labels one_per_prompt pairs picked prompt_ids round seed sides"
    assert offered == set(expected.split())


@ALL
def test_it_survives_json(strategy: Strategy) -> None:
    again = STRATEGIES.build(json.loads(json.dumps(strategy.spec())))
    assert again == strategy
    assert again.spec() == strategy.spec()
    assert picks(again, world_for(strategy)) == picks(strategy, world_for(strategy))


@ALL
def test_its_card_is_complete(strategy: Strategy) -> None:
    """Title, idea, formula, citation, cost, open points: what the command line and the page Help show of it."""
    cls = type(strategy)
    assert "summary" not in vars(cls)
    said = inspect.getdoc(cls) or ""
    assert said != inspect.getdoc(Strategy)
    summary, _, idea = said.partition("\n\n")
    assert cls.summary().endswith(".") and "\n\n" not in summary
    assert len(idea.split()) >= 15, "the idea in a paragraph, behind the summary and a blank line"
    assert cls.title
    assert cls.source
    assert cls.formula
    assert balanced(cls.formula), cls.formula
    assert cls.cost.endswith(".")
    assert re.match(r"(Read|Inferred|Ours)\b[^.:]*:", cls.open_points), "Read: …, Inferred: … or Ours: …"
    assert cls.control in ("", "baseline", "oracle")
    for name, field in cls.model_fields.items():
        assert field.description, f"{name} has no description"
        assert not field.is_required(), f"{name} has no default"


def balanced(formula: str) -> bool:
    """As many braces opened as closed, and as many \\left as \\right."""
    depth = [formula[:n].count("{") - formula[:n].count("}") for n in range(len(formula) + 1)]
    return min(depth) == 0 == depth[-1] and len(re.findall(r"\\left\b", formula)) == len(
        re.findall(r"\\right\b", formula)
    )


def test_every_name_of_a_method_finds_it_and_no_two_answer_to_one() -> None:
    names = sorted(name for cls in STRATEGIES for name in answers_to(cls))
    assert names == sorted(set(names))
    for cls in STRATEGIES:
        assert "aliases" in vars(cls), f"{cls.name}: other names in use, () where there are none"
        for name in (cls.name, cls.title, *cls.aliases):
            assert find(name) is find(name.upper()) is cls
    presets = {
        "activedpo": "activedpo", "apl_certainty": "apl_certainty", "apl_entropy": "apl_entropy", "apl_hybrid": "apl",
        "real": "real", "min_gap": "smallest_margin", "apo": "apo", "adpo": "adpo", "adpo_plus": "adpo",
        "balpm": "bal_pm", "sea": "sea", "drts": "drts", "deltaucb": "delta_ucb", "SHARP": "smallest_margin",
        "uncertainty": "smallest_margin", "BAL-PM": "bal_pm", "k center": "k_center", "D_Optimal": "d_optimal",
    }  # fmt: skip
    assert {name: find(name).name for name in presets} == presets
    with pytest.raises(UnknownName, match="activedpo"):
        find("activdpo")


@ALL
def test_every_parameter_can_change_a_pick(strategy: Strategy) -> None:
    """One that never can does not belong: neither a pick, nor a pseudo-label, nor what it reads or computes anew."""
    world = world_for(strategy, picked=60)
    names = list(type(strategy).model_fields)
    for name in names:
        given = [{}, *({other: value} for other in names if other != name for value in others(strategy, other))]
        assert any(matters(strategy, name, world, one) for one in given), name


def matters(strategy: Strategy, name: str, world: World, given: dict[str, Any]) -> bool:
    """Whether two values of the parameter choose differently where another parameter has the value given."""
    chosen = set()
    for value in [getattr(strategy, name), *others(strategy, name)]:
        changed = type(strategy)(**{**strategy.model_dump(), **given, name: value})
        found, pseudo = ids(picks(changed, world)), changed.pseudo(world.view())
        read = json.dumps(changed.signal_parameters(), sort_keys=True)
        chosen.add((tuple(found), tuple(sorted(pseudo.items())), changed.recomputed(), read))
    return len(chosen) > 1


def others(strategy: Strategy, name: str) -> list[Any]:
    """Further allowed values of a parameter, read off its schema."""
    schema = type(strategy).model_json_schema()["properties"][name]
    kinds = schema.get("anyOf", [schema])
    found: list[Any] = []
    for kind in kinds:
        found += kind.get("enum", [])
        if kind.get("type") == "boolean":
            found += [True, False]
        if kind.get("type") in ("number", "integer"):
            low = kind.get("minimum", kind.get("exclusiveMinimum", 0))
            high = kind.get("maximum", kind.get("exclusiveMaximum", max(low, 1) * 1000))
            steps = [low + share * (high - low) for share in (0.001, 0.1, 0.4, 0.9)]
            found += [max(low, round(step)) if kind["type"] == "integer" else step for step in steps]
    return found


@ALL
def test_margin_methods_are_tied_at_the_reference_and_say_so(strategy: Strategy) -> None:
    """While the policy is its reference every margin is 0: a strategy is all tied then if, and only if, it says so."""
    still = world_for(strategy).with_values(lambda name, v: frozen(v * 0) if name == "reward_margin" else v)
    view = still.view()
    scores = scores_of(strategy.recipe(view), view)
    tied = scores is not None and len(set(scores.tolist())) == 1
    assert tied == strategy.ties_at_reference
