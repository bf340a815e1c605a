"""A judge behind a server: both orders, what is counted, patience, the purse; a planted bias is found again."""

import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import protocol
from engine.cache import MemoryCache
from engine.config import StudyConfig
from engine.errors import ConfigError, OracleError
from engine.loop import Stopped
from engine.oracles.base import Desk
from engine.records import Message, Prompt, Response
from tests.contracts.texts import small_world
from tests.engine.oracles.judge_server import ask, body_of, judge, judging, many, share, slots_of
from tests.engine.samplers.small_server import SmallServer, refusal, running

pytest.importorskip("openai", reason='The package openai is not installed (extra "server").')


def test_both_orders_are_asked_and_agreement_is_the_answer(server: SmallServer) -> None:
    data = small_world(3)
    labels = ask(judge(server), data)
    assert len(server.asked) == 2 * len(data.pairs)
    for pair, label in zip(data.pairs.values(), labels, strict=True):
        a, b = (data.responses[r].text for r in (pair.a, pair.b))
        assert label.answer == ("a" if len(a) > len(b) else "b")
        assert label.detail["orders"] == [label.answer] * 2
        assert (label.detail["requests"], label.detail["kept"], label.detail["retries"]) == (2, 0, 0)
        assert label.detail["template"] == judge(server).template_hash
    slots = Counter(slots_of(body["messages"][0]["content"]) for body in server.asked)
    assert all(slots[b, a] == n for (a, b), n in slots.items())
    assert all(body["temperature"] == 0 for body in server.asked)


def test_a_judge_that_goes_by_the_slot_gives_ties(server: SmallServer) -> None:
    server.trouble = judging(lambda a, b: "A")
    labels = ask(judge(server), small_world(3))
    assert {label.answer for label in labels} == {"tie"}
    assert {tuple(label.detail["orders"]) for label in labels} == {("a", "b")}
    server.trouble = judging(lambda a, b: "tie" if len(a) < len(b) else "A")
    assert {label.answer for label in ask(judge(server), small_world(3))} == {"tie"}, "a tie in one order is a tie"


def test_one_order_is_drawn_by_the_pair(server: SmallServer) -> None:
    data = many(60)
    server.trouble = judging(lambda a, b: "A")
    labels = ask(judge(server, orders="one"), data)
    assert len(server.asked) == 60
    assert 15 < sum(label.answer == "a" for label in labels) < 45


def test_unparsable_answers_are_counted_and_never_labelled(server: SmallServer) -> None:
    said = ["", "I cannot say.", "Verdict: A or Verdict: B", "Verdict: C", "Verdict: A", "verdict: **B**", " tie. "]
    data = many(len(said))
    by_text = dict(zip([data.responses[p.a].text for p in data.pairs.values()], said, strict=True))

    def speaks(number: int, body: dict[str, Any]) -> Any:
        two = slots_of(body["messages"][0]["content"])
        return 200, body_of(next(by_text[text] for text in two if text in by_text)), {}

    server.trouble = speaks
    labels = ask(judge(server), data)
    assert [label.answer for label in labels] == ["skip"] * 4 + ["tie"] * 3
    assert [label.detail.get("refused") for label in labels] == ["unparsable"] * 4 + [None] * 3
    assert not any(label.trains for label in labels)
    server.trouble = lambda number, body: (200, body_of("Verdict: A", finish="length"), {})
    assert {label.detail["refused"] for label in ask(judge(server), data)} == {"unparsable"}, (
        "an answer cut off is none"
    )


def test_whatever_fails_in_passing_is_waited_out_and_counted(server: SmallServer) -> None:
    data, seen = small_world(2), Counter[str]()
    trouble = [refusal(429, retry_after="0.02"), refusal(500), (200, b"<html>", {}), (200, b'{"choices": []}', {}),
               (200, b'{"choices": [{"message"', {}), refusal(503)]  # fmt: skip

    def in_turn(number: int, body: dict[str, Any]) -> Any:
        text = body["messages"][0]["content"]
        seen[text] += 1
        if seen[text] > len(trouble):
            return None
        return trouble[seen[text] - 1]

    server.trouble = judging(before=in_turn)
    labels = ask(judge(server, attempts=7, timeout_s=60.0), data)
    with running(SmallServer(trouble=judging())) as calm:
        assert [label.answer for label in ask(judge(calm), data)] == [label.answer for label in labels]
    assert all(label.detail["retries"] == 12 for label in labels)
    server.trouble = judging(before=lambda number, body: refusal(500, "out of order"))
    with pytest.raises(OracleError, match=r"gave no answer in 2 attempts; the last time: 500, .*out of order") as error:
        ask(judge(server, attempts=2), data)
    assert "oracle.at_once" in error.value.next_step


def test_a_slow_answer_is_given_up_and_asked_for_again(server: SmallServer) -> None:
    data = small_world(1)
    server.trouble = judging(before=lambda number, body: time.sleep(3.0) if number == 0 else None)
    labels = ask(judge(server, timeout_s=1.5, attempts=20), data)
    assert sum(label.detail["retries"] for label in labels) >= 1
    assert all(label.trains for label in labels)


def test_resuming_pays_nothing_twice(server: SmallServer) -> None:
    data, cache = small_world(6), MemoryCache()

    def stop() -> None:
        if len(server.asked) > 8:
            raise Stopped

    with pytest.raises(Stopped):
        ask(judge(server, at_once=2), data, cache, check=stop)
    assert len(server.asked) < 2 * len(data.pairs)
    labels = ask(judge(server, at_once=2), data, cache)
    assert len(server.asked) == 2 * len(data.pairs)
    assert 0 < sum(label.detail["kept"] for label in labels) < 2 * len(data.pairs)
    with running(SmallServer(trouble=judging())) as calm:
        again = ask(judge(calm), data)
    assert [label.answer for label in labels] == [label.answer for label in again]
    ask(judge(server, at_once=7, attempts=2, price_read=3.0, rubric="Shorter is better."), data, cache)
    assert len(server.asked) == 4 * len(data.pairs), "another rubric asks anew"
    ask(judge(server, at_once=7, attempts=2, price_read=3.0), data, cache)
    assert len(server.asked) == 4 * len(data.pairs), "how fast and for how much it is asked does not"


def test_a_planted_position_bias_is_found_again(server: SmallServer) -> None:
    """A fifth of the verdicts take the first slot whatever stands there; the rest go by the text."""
    from engine.analysis.judging import judged_facts

    data = many(600)
    server.trouble = judging(first_slot=0.2)
    labels = ask(judge(server, at_once=32), data)
    found = judged_facts([label.detail for label in labels])
    assert found.first_slot is not None and found.consistency is not None and found.bias is not None
    assert found.first_slot.mean == pytest.approx(0.6, abs=0.025)
    assert found.bias.mean == pytest.approx(0.2, abs=0.05)
    assert found.bias.low is not None and found.bias.high is not None
    assert found.bias.low < 0.2 < found.bias.high
    # Both orders differ where either one, of the slots that the text speaks against, took the first.
    orders = [
        tuple(data.responses[r].text for r in order) for p in data.pairs.values() for order in ((p.a, p.b), (p.b, p.a))
    ]
    planted = np.mean([share("slot", one, other) < 0.2 and len(one) < len(other) for one, other in orders])
    assert found.consistency.mean == pytest.approx(1 - 2 * planted)
    assert found.pairs == 600 and found.refused == {}
    with running(SmallServer(trouble=judging())) as fair:
        none = judged_facts([label.detail for label in ask(judge(fair, at_once=32), data)])
    assert none.bias is not None and none.bias.mean == 0 and none.consistency is not None
    assert none.consistency.mean == 1


def test_tokens_and_cost_are_counted_and_the_purse_stops(server: SmallServer) -> None:
    data, cache = small_world(5), MemoryCache()
    labels = ask(judge(server, price_read=2.0, price_written=10.0), data)
    read, wrote = (sum(label.detail[f"tokens_{name}"] for label in labels) for name in ("read", "written"))
    assert wrote == 12 * 2 * len(data.pairs) and read > 0
    assert sum(label.detail["cost"] for label in labels) == pytest.approx((2 * read + 10 * wrote) / 1e6)
    server.asked = []
    few = judge(server, tokens_at_most=2000, at_once=1)
    with pytest.raises(OracleError, match=r"The judge has used 2,\d+ tokens, and oracle.tokens_at_most allows 2000"):
        ask(few, data, cache)
    asked = len(server.asked)
    assert 0 < asked < len(data.pairs)
    with pytest.raises(OracleError, match="tokens_at_most"):
        ask(few, data, cache)
    assert len(server.asked) == asked, "what was used before counts, and nothing is asked any more"
    with pytest.raises(OracleError, match=r"cost_at_most allows 0.5"):
        ask(judge(server, cost_at_most=0.5), data, spent=lambda: {"cost": 0.6})
    assert len(ask(judge(server, tokens_at_most=10**6), data, cache)) == len(data.pairs)
    assert judge(server).answers_by() == judge(server, tokens_at_most=5, price_read=1.0, at_once=2).answers_by()
    assert judge(server).answers_by() != judge(server, rubric="Other.").answers_by()


def test_no_response_is_hidden_by_a_cut(server: SmallServer) -> None:
    data = many(3)
    first = next(iter(data.pairs.values()))
    data.responses[first.a] = Response(first.a, first.prompt_id, "word " * 4000)
    labels = ask(judge(server, context_tokens=4096), data)
    assert [label.detail.get("refused") for label in labels] == ["too long for the judge", None, None]
    assert labels[0].answer == "skip"
    assert len(server.asked) == 4, "it is not even asked"
    server.trouble = lambda number, body: (200, body_of("Verdict: A", read=5), {})
    cut = ask(judge(server), data)
    assert {label.detail["refused"] for label in cut} == {"too long for the judge"}, "it read less than it was sent"


def test_a_pace_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(protocol.time, "monotonic", lambda: now)
    turns = protocol.Turns(600)
    assert [round(turns.wait_s(), 6) for _ in range(3)] == [0.0, 0.1, 0.2]
    now = 200.0
    assert [round(turns.wait_s(), 6) for _ in range(2)] == [0.0, 0.1]
    assert [protocol.Turns(0).wait_s() for _ in range(3)] == [0.0] * 3


def test_the_key_is_sent_and_shown_nowhere(
    server: SmallServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data, secret, cache = many(2), "sk-very-secret-0123456789", MemoryCache()
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THEIR_KEY", raising=False)
    named = judge(server, key_variable="THEIR_KEY")
    with pytest.raises(Exception, match=r"THEIR_KEY, which oracle.key_variable names, is not set"):
        ask(named, data)
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(f'THEIR_KEY = "{secret}"\n')
    server.trouble = lambda number, body: (200, body_of(f"Your key is {secret}. Verdict: A"), {})
    labels = ask(named, data, cache)
    assert set(server.keys) == {f"Bearer {secret}"}
    server.trouble = lambda number, body: refusal(401, f"Incorrect API key provided: {secret}.")
    with pytest.raises(OracleError, match=r"refuses the key: 401, .*Incorrect API key provided: …") as error:
        ask(judge(server, key_variable="THEIR_KEY", rubric="Other."), data)
    kept = "".join(bytes(value).decode() for value in cache._arrays.values())
    for place in (str(error.value), str(labels), str(named.spec()), kept, caplog.text):
        assert secret not in place
    (tmp_path / ".streamlit" / "secrets.toml").write_text(f'THEIR_KEY = "{secret}\n')
    with pytest.raises(Exception, match="cannot be read as TOML") as broken:
        ask(judge(server, key_variable="THEIR_KEY", rubric="Third."), data)
    assert secret not in str(broken.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"template": "Which? {a} {b}"}, r"must name \{prompt\} once"),
        ({"template": "{prompt} {a} {b} {a}"}, r"must name \{a\} once, and names it 2 times"),
        ({"template": "{prompt} {a} {b} {gold}"}, r"names \{gold\}"),
        ({"key_variable": "sk-123"}, "must not stand in a study"),
        ({"url": "http://me:pass@host/v1"}, "is no address"),
        ({"extra": {"api_key": "sk-123"}}, "holds 'api_key', which looks like a key"),
        ({"extra": {"extra_headers": {"Authorization": "x sk-123"}}}, "holds 'Authorization'"),
        ({"extra": {"user": "sk-123456789"}}, "holds 'user'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before(changes: dict[str, str], words: str) -> None:
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    with pytest.raises(ConfigError, match=words) as error:
        StudyConfig.from_dict({**study, "oracle": {"name": "judge", **changes}})
    assert "sk-123" not in str(error.value)


def test_as_evaluator_it_says_who_wins_and_what_it_took(server: SmallServer) -> None:
    prompts = [Prompt.of([Message("user", f"q {n}")]) for n in range(4)]
    ours, theirs = ["longer than", "short", "same", "Verdict"], ["short", "longer than", "same", "none"]
    said = judge(server).compare_texts(prompts, ours, theirs, Desk())
    assert said.wins.tolist() == [1.0, 0.0, 0.5, 1.0]
    assert len(server.asked) == 6, "nobody is asked about two texts that are the same"
    assert said.facts["judge_consistency"] == (1.0, "share of prompts", 3)
    assert said.facts["judge_first_slot"] == (0.5, "share of verdicts", 6)
    assert not judge(server).scores_texts() and judge(server).compares_texts()
