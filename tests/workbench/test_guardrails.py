"""Guardrails: an illusion is said in a plain sentence, a gain that holds is not, and judges that are one are named."""

import pandas as pd
import pytest

from engine.store.summaries import StrategyRef
from tests.workbench.test_foreign_text import read
from workbench.components.guardrail_table import NONE, guardrail_markup
from workbench.guardrails import EVEN_LENGTH, KL, PERPLEXITY, WIN, Guardrails, figures_of, guardrails

GOLD = {"name": "gold", "scorer": "howto"}
APART = {"oracle": {"name": "recorded"}, "evaluator": GOLD}
REFS = {"random": StrategyRef("random", "random", 0), "one": StrategyRef("one", "ONE", 1)}


def found(random: dict[str, float], one: dict[str, float], seeds: int = 3, config: dict | None = None) -> Guardrails:
    """Guards of two strategies whose seeds lie ± 0.001 around these figures; round 2 is the last."""

    def curve(name: str) -> pd.DataFrame:
        rows = [
            (key, seed, number, figures[name] + 0.001 * (seed - 2) if number == 2 else -99.0)
            for key, figures in (("random", random), ("one", one)) if name in figures
            for seed in range(1, seeds + 1) for number in (1, 2)
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["strategy", "seed", "round", "value"])

    names = sorted({*random, *one})
    return guardrails(names, curve, {"one": "random"}, APART if config is None else config, ("random", "one"))


PLAIN = {WIN: 0.55, EVEN_LENGTH: 0.55, KL: 2.0, PERPLEXITY: 1.5, "perplexity_reference": 1.5}


def test_the_last_round_is_told_with_its_paired_difference_to_the_twin():
    guards = found(PLAIN, {**PLAIN, WIN: 0.60, EVEN_LENGTH: 0.60}).guards
    one = guards[1]
    assert [guard.strategy for guard in guards] == ["random", "one"]
    assert (one.round, one.seeds, one.values[WIN]) == (2, 3, pytest.approx(0.60))
    assert one.against[WIN].mean == pytest.approx(0.05)
    assert one.against[WIN].low == pytest.approx(0.05), "paired: what the seeds share is no spread"
    assert not guards[0].against
    assert not one.sentences
    assert found(PLAIN, PLAIN, seeds=2).guards[1].against[WIN].low is None


ROUNDS = {"random": {1: 4, 2: 4, 3: 3}, "one": {1: 5, 2: 4, 3: 5}}
"""Strategy → seed → its last round: a study that is running, with generations in every round."""


def every_round(name: str) -> pd.DataFrame:
    """A KL that grows by 1 a round and by a tenth a seed, and is 0.5 higher for "one"."""
    value = {KL: 1.0, "kl_sft": 0.01}.get(name, 0.0)
    rows = [
        (key, seed, f"{key}-{seed}", number, value * (number + 0.1 * seed + 0.5 * (key == "one")))
        for key, lasts in ROUNDS.items() for seed, last in lasts.items() for number in range(1, last + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["strategy", "seed", "run_id", "round", "value"])


def test_only_the_same_seed_and_round_are_compared_and_the_last_that_both_have():
    _, one = guardrails([KL], every_round, {"one": "random"}, APART, ("random", "one")).guards
    assert (one.round, one.seeds) == (4, 2), "seed 3 of random has no round 4, no seed of it a round 5"
    assert one.values[KL] == pytest.approx((4.6 + 4.7) / 2)
    assert one.against[KL].mean == pytest.approx(0.5)
    (alone,) = guardrails([KL], every_round, {}, APART, ("one",)).guards
    assert (alone.round, alone.seeds, dict(alone.against)) == (5, 2, {})


def test_edited_runs_are_left_out_as_verdicts_do():
    edited = {"one-1", "one-2"}
    _, one = guardrails([KL], every_round, {"one": "random"}, APART, ("random", "one"), edited).guards
    assert (one.round, one.seeds, one.values[KL]) == (3, 1, pytest.approx(3.8))
    (left,) = guardrails([KL], every_round, {"one": "random"}, APART, ("random", "one"), edited | {"one-3"}).guards
    assert left.strategy == "random"


@pytest.mark.parametrize(
    ("change", "warned", "words"),
    [
        ({WIN: 0.62, EVEN_LENGTH: 0.51}, {EVEN_LENGTH}, "+0.120 over the SFT model, but at equal length only +0.010"),
        ({WIN: 0.62, EVEN_LENGTH: 0.47}, {EVEN_LENGTH}, "nothing of it is left (−0.030): a win-rate illusion"),
        ({WIN: 0.66, EVEN_LENGTH: 0.62}, set(), ""),
        ({WIN: 0.60, EVEN_LENGTH: 0.56}, {EVEN_LENGTH}, "wins +0.050 over random"),
        ({KL: 2.9}, set(), ""),
        ({WIN: 0.62, EVEN_LENGTH: 0.62, KL: 4.0}, {KL}, "2.0 times as far from the reference (KL) as random, and its"),
        ({PERPLEXITY: 1.55}, set(), ""),
        ({PERPLEXITY: 1.8}, {PERPLEXITY}, "its perplexity lies 20 % above the SFT model's"),
    ],
)
def test_an_illusion_is_said_and_what_holds_is_not(change, warned, words):
    guards = found(PLAIN, {**PLAIN, **change})
    assert guards.guards[1].warned == warned
    said = guardrail_markup(guards, REFS)
    assert words in read(said).text
    assert said.count("look here") == len(warned)
    assert said.count('class="chip warn">! ') == 2 * len(warned), "the figure, and the sentence"
    assert ("No guardrail speaks against a gain." in said) == (not warned)


def test_a_figure_that_is_not_measured_warns_of_nothing():
    guards = found({WIN: 0.5}, {WIN: 0.9})
    assert not guards.guards[1].sentences
    said = guardrail_markup(guards, REFS)
    assert "Not measured here: at equal length, length, tokens, KL, nats, perplexity." in said
    empty = guardrails([], lambda _: pd.DataFrame(), {}, APART, ("random",))
    assert NONE in guardrail_markup(empty, REFS)


def test_a_guardrail_of_a_plugin_is_shown_beside_the_sft_models():
    assert figures_of(["kl", "win_rate", "repetition_sft", "repetition", "gold_reward", "gold_reward_sft", "nll"]) == (
        "win_rate", "kl", "repetition",
    )  # fmt: skip
    more = {"repetition": 0.2, "repetition_sft": 0.1}
    said = read(guardrail_markup(found({**PLAIN, **more}, {**PLAIN, **more}), REFS)).text
    assert "repetition" in said
    assert "SFT 0.100" in said


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (APART, ""),
        ({"oracle": GOLD, "evaluator": GOLD}, "Evaluator and labeller are the same (gold)"),
        ({"oracle": GOLD, "evaluator": {**GOLD, "temperature": 2}}, "are of one kind (gold)"),
        ({"oracle": {"name": "noisy", "of": GOLD}, "evaluator": GOLD}, "are the same (gold behind noisy)"),
        (
            {"oracle": {"name": "routing", "models": [{"name": "judge"}, GOLD]}, "evaluator": {**GOLD, "scorer": "x"}},
            "are of one kind (gold behind routing)",
        ),
        ({"oracle": GOLD, "evaluator": None}, "names no evaluator, so the labeller (gold) scores"),
    ],
)
def test_judges_that_are_one_are_named(config, words):
    sentences = found(PLAIN, PLAIN, config=config).sentences
    assert (words in sentences[0]) if words else not sentences


def test_no_title_is_markup_and_braces_in_it_are_text():
    hostile = {"random": REFS["random"], "one": StrategyRef("one", "<b>{name}</b>{0}", 1)}
    said = guardrail_markup(found(PLAIN, {**PLAIN, KL: 9.0}), hostile)
    assert "&lt;b&gt;{name}&lt;/b&gt;{0} lies 4.5 times" in said
    assert said.count("<b>") == 1, "our own, before how to read it"
