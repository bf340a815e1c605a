"""What an asked judge will cost is said before it is asked, in tokens and money; without a price none is guessed."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.config import StudyConfig
from engine.cost import Cost, Work
from engine.oracles._prompting import written
from engine.oracles.base import ORACLES, Texts
from engine.records import Message
from tests.engine.test_loop import config, make_data
from tests.workbench.test_pages import app, seen
from workbench.asked_words import beforehand
from workbench.bill_words import COMPARISONS, bill_numbers, bill_words, bills, comparisons, money, rough
from workbench.cli.main import app as cli

POOL = Texts(100.0, 300.0, "the mean texts of the pool")
HELD_OUT = Texts(80.0, 0.0, "the mean held-out texts")
JUDGE = {"name": "judge", "url": "http://127.0.0.1:9/v1", "model": "big"}
PRICED = {**JUDGE, "price_read": 2.0, "price_written": 10.0, "max_new_tokens": 50}
REWARD = {"name": "reward_model", "device": "cpu"}


def paying(labels: int) -> Cost:
    return Cost(labels, labels, labels, 1, Work())


def words(study: StudyConfig, labels: int = 1000) -> str:
    return " ".join(bill_words(bills(study, paying(labels), POOL, HELD_OUT)))


def frame() -> int:
    """Bytes of a question without its texts."""
    judge: Any = ORACLES.build(JUDGE)
    return len(written(judge.template, judge.rubric, [Message("user", "")], "", "").encode())


def test_tokens_are_reckoned_from_the_texts_and_money_from_the_prices() -> None:
    (bill,) = ORACLES.build(PRICED).bills(1000, POOL)
    each = frame() + 100 + 2 * 300
    assert (bill.requests, bill.read, bill.written) == (2000, round(2000 * each / 4), 2000 * 50)
    assert bill.money == (pytest.approx(bill.read * 2e-6), pytest.approx(1.0))
    (one,) = ORACLES.build({**PRICED, "orders": "one"}).bills(1000, POOL)
    assert (one.requests, 2 * one.read) == (1000, bill.read)


def test_the_estimate_is_the_length_of_what_is_asked() -> None:
    """Over all pairs of a pool whose prompts have equally many, request by request."""
    data, judge = make_data(12, "pool"), ORACLES.build(PRICED)
    texts = Texts.mean_of(data, "them")
    (bill,) = judge.bills(len(data.pairs), texts)
    of: Any = judge
    asked = [
        written(of.template, of.rubric, data.prompts[p.prompt_id].messages, data.responses[x].text,
                data.responses[y].text)
        for p in data.pairs.values() for x, y in ((p.a, p.b), (p.b, p.a))
    ]  # fmt: skip
    assert bill.requests == len(asked)
    assert bill.read == pytest.approx(sum(len(text.encode()) for text in asked) / 4, rel=0.01)


def test_compared_generations_are_reckoned_at_their_greatest_length(tiny_model_dir: Path) -> None:
    settings = {"generate": "last", "prompts": 8, "max_new_tokens": 64}
    study = config(tiny_model_dir, oracle=REWARD, evaluator=PRICED, evaluation=settings)
    ((what, bill),) = bills(study, paying(10), POOL, HELD_OUT)
    n = comparisons(study)
    assert (what, bill.requests, n > 0) == (COMPARISONS, 2 * n, True)
    assert bill.read == round(2 * n * (frame() + 80 + 2 * 4 * 64) / 4)


def test_no_price_is_guessed_and_a_local_judge_is_paid_by_nobody(tiny_model_dir: Path) -> None:
    said = words(config(tiny_model_dir, oracle=JUDGE, evaluator=REWARD))
    assert "What that costs is not known" in said and "a million tokens that is" not in said
    (row,) = bill_numbers(bills(config(tiny_model_dir, oracle=JUDGE, evaluator=REWARD), paying(10), POOL, HELD_OUT))
    assert (row["cost_read"], row["cost_written_at_most"], row["requests"]) == (None, None, 20)
    assert ORACLES.build({"name": "judge", "local": "sample"}).bills(10, POOL) == []
    assert words(config(tiny_model_dir, oracle=REWARD)) == ""


def test_money_its_basis_and_a_limit_that_will_not_do_are_said(tiny_model_dir: Path) -> None:
    said = words(config(tiny_model_dir, oracle=PRICED, evaluator=REWARD))
    (bill,) = ORACLES.build(PRICED).bills(1000, POOL)
    assert f"about {rough(bill.read)} tokens in 2,000 requests (an estimate: {frame() + 700:,} bytes a request" in said
    assert "4 bytes a token" in said and "writes 100,000 at most" in said
    assert f"At 2 and 10 a million tokens that is about {money(bill.read * 2e-6)} for reading and at most 1 " in said
    assert "cost_at_most" not in said
    tight = words(config(tiny_model_dir, oracle={**PRICED, "cost_at_most": 0.5}, evaluator=REWARD))
    assert "Reading alone goes over cost_at_most, 0.5: the study would stop before its last answer." in tight
    few = words(config(tiny_model_dir, oracle={**PRICED, "tokens_at_most": 100}, evaluator=REWARD))
    assert "Reading alone goes over tokens_at_most, 100" in few


def test_labeller_and_evaluator_each_have_a_bill_also_behind_other_oracles(tiny_model_dir: Path) -> None:
    study = config(tiny_model_dir, oracle=PRICED, evaluator={**PRICED, "rubric": "Shorter."})
    found = bills(study, paying(100), POOL, HELD_OUT)
    assert [what for what, _ in found] == ["labels", "comparisons of generations at most"]
    assert "two generations of" in found[1][1].basis
    assert "All of that together" in bill_words(found)[-1]
    assert "All of that together" in " ".join(beforehand(study, paying(100), (POOL, HELD_OUT)))
    behind: list[dict[str, Any]] = [{"name": "noisy", "of": PRICED}, {"name": "routing", "models": [PRICED, REWARD]}]
    for oracle in behind:
        assert ORACLES.build(oracle).bills(7, POOL) == ORACLES.build(PRICED).bills(7, POOL)
        assert any("asked 14 times" in sentence for sentence in ORACLES.build(oracle).forecast(7))


@pytest.mark.parametrize(("value", "said"), [(0.0, "0"), (0.0002, "under 0.001"), (0.123, "0.12"), (1234.5, "1,234")])
def test_money_is_no_finer_than_an_estimate(value: float, said: str) -> None:
    assert money(value) == said


def test_tokens_are_no_finer_either() -> None:
    assert [rough(n) for n in (0, 999, 1234, 133_118)] == ["0", "999", "1,230", "133,000"]


def test_the_command_says_it_and_gives_it_to_machines(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "sample_data"
    study = {
        "name": "priced", "race": "none", "strategies": ["random"], "seeds": [1, 2], "rounds": 1,
        "data": {"pool": str(sample / "skewed" / "tune_pool.jsonl"),
                 "held_out": {"pool_like": str(sample / "skewed" / "tune_heldout.jsonl")}},
        "model": {"path": str(sample / "model"), "device": "cpu"}, "labels_per_round": 8, "prompts_per_round": 32,
        "oracle": PRICED, "evaluator": REWARD, "evaluation": {"prompts": 8},
    }  # fmt: skip
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(study))
    asked = ["study", "run", str(file), "--detach", "--store", str(tmp_path / "store")]
    done = CliRunner().invoke(cli, asked)
    assert "For labels, the judge big reads about" in " ".join(done.output.split())
    told = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).stdout)["asked"]
    assert [(row["for"], row["requests"], row["written"]) for row in told] == [("labels", 32, 32 * 50)]
    assert told[0]["cost_read"] == pytest.approx(told[0]["read"] * 2e-6)
    assert told[0]["cost_written_at_most"] == pytest.approx(32 * 50 * 1e-5)


def test_the_form_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Path(__file__).parents[2] / "sample_data"
    study = {
        "name": "priced", "race": "none", "strategies": ["random"], "rounds": 1, "labels_per_round": 8,
        "data": {"pool": str(sample / "skewed" / "tune_pool.jsonl"),
                 "held_out": {"pool_like": str(sample / "skewed" / "tune_heldout.jsonl")}},
        "model": {"path": str(sample / "model"), "device": "cpu"}, "oracle": PRICED, "evaluator": REWARD,
    }  # fmt: skip
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps(study))
    test = app(tmp_path / "store", monkeypatch)
    next(box for box in test.text_input if box.label.startswith("Study file")).set_value(str(file))
    next(button for button in test.button if button.label == "Start from this file").click().run()
    assert not test.exception
    said = seen(test)
    for part in ("What asked models will cost", "judge big", "At 2 and 10 a million tokens", "4 bytes a token"):
        assert part in said, part
    assert "over cost_at_most" not in said
    file.write_text(json.dumps({**study, "oracle": {**PRICED, "cost_at_most": 0.000001}, "evaluator": JUDGE}))
    test = app(tmp_path / "store", monkeypatch)
    next(box for box in test.text_input if box.label.startswith("Study file")).set_value(str(file))
    next(button for button in test.button if button.label == "Start from this file").click().run()
    assert "over cost_at_most" in seen(test) and "no price is set" in seen(test)
