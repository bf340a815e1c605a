"""What a judge's label says of where it comes from, who has paid for it, and when a server may be asked again."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from engine import asking, protocol
from engine.analysis.judging import judged_facts
from engine.cache import PAID, MemoryCache
from engine.errors import OracleError
from engine.oracles._asked import WORDS
from engine.oracles.base import ORACLES, Question
from engine.records import Label
from engine.store.cache import FileCache
from tests.contracts.texts import small_world
from tests.engine.oracles.judge_server import ask, body_of, judge, judging, many
from tests.engine.samplers.small_server import SmallServer, refusal

pytest.importorskip("openai", reason='The package openai is not installed (extra "server").')


def test_a_label_says_which_model_answered_what_it_wrote_and_what_stood_first(server: SmallServer) -> None:
    labels = ask(judge(server), small_world(2))
    for label in labels:
        assert (label.detail["model"], label.detail["first"]) == ("small", "both"), "though the study names no model"
        assert label.detail["words"] == [f"It fits better.\nVerdict: {v}" for v in verdicts(label)]
    long = "Because. " * 200 + "Verdict: A"
    server.trouble = lambda number, body: (200, body_of(long), {})
    words = ask(judge(server), small_world(1))[0].detail["words"]
    assert words == [long[-WORDS:]] * 2, "the end is kept, where the verdict stands"


def verdicts(label: Label) -> list[str]:
    """What the model said in each order, of the sides that it took."""
    return ["A" if side == first else "B" for side, first in zip(label.detail["orders"], ("a", "b"), strict=True)]


def test_in_one_order_the_side_that_stood_first_is_noted_and_a_bias_for_it_measured(server: SmallServer) -> None:
    server.trouble = judging(lambda a, b: "A")
    labels = ask(judge(server, orders="one"), many(40))
    assert all(label.detail["first"] == label.answer for label in labels)
    assert {label.detail["first"] for label in labels} == {"a", "b"}
    found = judged_facts([label.detail for label in labels])
    assert found.consistency is None and found.first_slot is not None and found.bias is not None
    assert (found.first_slot.mean, found.first_slot.n, found.bias.mean) == (1.0, 40, 1.0)
    said = judge(server, orders="one").compare_texts(
        [q for q in many(6).prompts.values()], ["one"] * 6, ["another"] * 6
    )
    assert said.facts["judge_first_slot"] == (1.0, "share of verdicts", 6)


def test_another_model_at_the_same_address_is_asked_anew(server: SmallServer) -> None:
    data, cache = small_world(2), MemoryCache()
    ask(judge(server), data, cache)
    asked = len(server.asked)
    server.models = ("larger",)
    server.trouble = judging(lambda a, b: "A")
    labels = ask(judge(server), data, cache)
    assert len(server.asked) == 2 * asked
    assert {label.answer for label in labels} == {"tie"}, "none of the other's answers is among them"


def test_only_what_who_asks_has_paid_for_counts(server: SmallServer) -> None:
    """Another study's answers are free; of a lost stage of one's own they are paid, though they are kept."""
    data, cache = small_world(4), MemoryCache()
    both = dict(price_read=2.0, price_written=10.0)
    first = ask(judge(server, **both), data, cache, payer="study 1")
    asked, whole = len(server.asked), sum(label.detail["tokens_paid"] for label in first)
    assert whole == sum(label.detail["tokens_read"] + label.detail["tokens_written"] for label in first) > 2000
    other = ask(judge(server, tokens_at_most=1, **both), data, cache, payer="study 2")
    assert len(server.asked) == asked, "kept answers stop no purse"
    assert [label.detail["tokens_paid"] for label in other] == [0] * len(other)
    assert [label.detail["cost"] for label in other] == [0] * len(other)
    assert [label.detail["tokens_read"] for label in other] == [label.detail["tokens_read"] for label in first]
    again = ask(judge(server, **both), data, cache, payer="study 1")
    assert [label.detail["cost"] for label in again] == [label.detail["cost"] for label in first]
    assert all(label.detail["kept"] == 2 for label in again)
    with pytest.raises(OracleError, match="tokens_at_most allows 2000"):
        ask(judge(server, tokens_at_most=2000), data, cache, payer="study 1")
    facts = judged_facts([label.detail for label in other])
    assert (facts.tokens_paid, facts.cost, facts.kept) == (0, 0, len(server.asked))


def test_a_cache_lets_go_of_what_was_paid_for_last(server: SmallServer, tmp_path: Path) -> None:
    import numpy as np

    cache, data = FileCache(tmp_path, cap_bytes=40_000), small_world(2)
    ask(judge(server), data, cache)  # type: ignore[arg-type]
    asked = len(server.asked)
    for n in range(20):
        cache.put(f"feature-{n}", np.zeros(2500, np.float32))
    left = Counter(path.name.startswith(PAID) for path in tmp_path.glob("*.npy"))
    assert left[True] == asked and 0 < left[False] < 5
    ask(judge(server), data, cache)  # type: ignore[arg-type]
    assert len(server.asked) == asked
    small = FileCache(tmp_path, cap_bytes=asked * 300)
    small.put("feature", np.zeros(10, np.float32))
    assert small.bytes() <= small.cap_bytes, "the cap holds for them as well"


def test_a_server_that_wants_to_be_left_alone_is(server: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(protocol.Turns, "pause", lambda self, seconds: waited.append(seconds))
    monkeypatch.setattr(asking, "LONGEST_PAUSE_S", 0.02)
    server.trouble = judging(before=lambda number, body: refusal(429, retry_after="0.3") if number == 0 else None)
    began = datetime.now(UTC)
    ask(judge(server, at_once=1), small_world(1))
    assert waited == [0.3]
    assert datetime.now(UTC) - began >= timedelta(seconds=0.3), "as long as it asked, not as long as we would"
    server.trouble = judging(before=lambda number, body: refusal(429, retry_after="7200"))
    with pytest.raises(OracleError, match=r"asks to be left alone for 7,200 s: 429, .*not now") as error:
        ask(judge(server), small_world(1))
    assert "what it has answered is kept" in error.value.next_step


def test_retry_after_is_seconds_or_a_date() -> None:
    in_a_minute = datetime.now(UTC) + timedelta(seconds=60)
    assert 50 < protocol.asked_to_wait(format_datetime(in_a_minute, usegmt=True)) <= 60
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert [protocol.asked_to_wait(word) for word in (None, "", "2.5", "-3", "soon", past)] == [0, 0, 2.5, 0, 0, 0]


def test_one_pause_is_everybody_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol.time, "monotonic", lambda: 100.0)
    turns = protocol.Turns(0)
    turns.pause(7.0)
    turns.pause(3.0)
    assert [turns.wait_s() for _ in range(2)] == [7.0, 7.0]


def test_a_list_of_models_is_waited_for_as_an_answer_is(server: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failed = protocol.models_in, []

    def breaks(content: bytes) -> list[str]:
        failed.append(1)
        return real(b"<html>" if len(failed) < 3 else content)

    monkeypatch.setattr(asking, "models_in", breaks)
    assert len(ask(judge(server), small_world(1))) == 3
    assert len(failed) == 3
    failed.clear()
    with pytest.raises(OracleError, match="its list of models is not one of the OpenAI protocol"):
        ask(judge(server, attempts=2), small_world(1))


def test_a_server_s_words_do_not_hang_on_to_an_error(server: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever logs a whole traceback must not log the key that a server says back."""
    import traceback

    secret = "sk-echoed-0123456789"
    monkeypatch.setenv("ECHOED", secret)
    for code in (401, 500):
        said = refusal(code, f"bad key {secret}, header Authorization: Bearer {secret}")
        server.trouble = lambda number, body, said=said: said
        with pytest.raises(OracleError) as error:
            ask(judge(server, key_variable="ECHOED", attempts=2), small_world(1))
        assert secret not in "".join(traceback.format_exception(error.value))
        assert "bad key …" in str(error.value)


def test_models_of_the_machine_are_told_by_what_they_are() -> None:
    data = small_world(1)
    question = Question(tuple(data.pairs.values()), data, 1)
    for spec in ({"name": "reward_model", "device": "cpu"}, {"name": "judge", "local": "sample", "device": "cpu"}):
        labels: list[Any] = list(ORACLES.build(spec).label(question))
        names = {label.detail["model"] for label in labels}
        name, _, sha = names.pop().partition(", ")
        assert not names and name == "sample"
        assert len(sha) == 8 and int(sha, 16) >= 0, "the first digits of the hash of its weights"
