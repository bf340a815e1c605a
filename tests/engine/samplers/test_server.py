"""Responses from a server: patience, refusals, what is kept, what is left out; and a real `transformers serve`."""

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import asking
from engine.cache import MemoryCache
from engine.config import StudyConfig
from engine.errors import ConfigError, ModelError
from engine.loop import Stopped
from engine.models.policy import Policy
from engine.samplers.base import SAMPLERS, Sampler
from engine.signals.base import Pass
from tests.contracts.texts import small_world
from tests.engine.samplers.small_server import SmallServer, answer, refusal, running

pytest.importorskip("openai", reason='The package openai is not installed (extra "server").')
MODEL = Path(__file__).parents[3] / "sample_data" / "model"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallServer]:
    monkeypatch.setattr(asking, "FIRST_PAUSE_S", 0.01)
    with running(SmallServer()) as found:
        yield found


@pytest.fixture
def on(tiny_policy: Policy) -> Pass:
    return Pass(tiny_policy, 0.1, 1, 2, {}, MemoryCache())


def sampler(server: SmallServer, **changes: Any) -> Sampler:
    return SAMPLERS.build({"name": "server", "url": server.url, "timeout_s": 5.0, **changes})


def test_every_draw_is_asked_for_once_with_its_settings_and_a_seed_of_its_own(server: SmallServer, on: Pass) -> None:
    data = small_world()
    found = sampler(server, temperature=0.7, top_p=0.9, extra={"top_k": 5}).candidates(data, list(data.prompts), on)
    assert len(server.asked) == 3 * len(data.prompts)
    assert len({body["seed"] for body in server.asked}) == len(server.asked)
    for body in server.asked:
        assert (body["model"], body["temperature"], body["top_p"], body["max_tokens"], body["top_k"]) == (
            "small", 0.7, 0.9, 64, 5,
        )  # fmt: skip
        assert body["messages"][0]["role"] == "user"
    assert server.keys == [None] * len(server.asked), "no key is named, none is sent"
    texts = {answer(body)["choices"][0]["message"]["content"] for body in server.asked}
    assert {response.text for response in found.made} == texts
    assert {response.source for response in found.made} == {"small, T 0.7"}
    assert 1 < server.most_at_once <= 8


def test_unended_empty_identical_and_too_long_ones_are_left_out_and_counted(server: SmallServer, on: Pass) -> None:
    data = small_world(1)
    said = ["", "the same", "the same", "x " * 80, "good"]

    def speaks(number: int, body: dict[str, Any]) -> Any:
        whole = answer(body)
        whole["choices"][0] |= {"message": {"content": said[number]}, "finish_reason": "stop"}
        if number == 4:
            whole["choices"][0]["finish_reason"] = "length"
        return 200, json.dumps(whole).encode(), {}

    server.trouble = speaks
    draws = sampler(server, responses=5, at_once=1)
    found = draws.candidates(data, list(data.prompts), on)
    assert found.dropped == {
        "identical": 1, "empty": 1, "reached max_new_tokens": 1, "longer than 128 tokens with its prompt": 1,
    }  # fmt: skip
    assert [response.text for response in found.made] == ["the same"]
    assert found.pairs == ()
    kept = draws.model_copy(update={"unended": "keep"}).candidates(data, list(data.prompts), on)
    assert len(server.asked) == 5, "what becomes of an answer does not ask again"
    assert {response.text for response in kept.made} == {"the same", "good"}
    assert len(kept.pairs) == 1


def test_failures_that_pass_are_waited_out(server: SmallServer, on: Pass) -> None:
    """Busy, broken, no JSON, JSON of another kind, no response in it, an answer cut off: each once for every draw."""
    data, seen = small_world(2), Counter[int]()
    garbage = [refusal(429, retry_after="0.02"), refusal(500), refusal(503), (200, b"<html>", {}),
               (200, b'{"choices": "none"}', {}), (200, b'{"choices": []}', {})]  # fmt: skip

    def in_turn(number: int, body: dict[str, Any]) -> Any:
        seen[body["seed"]] += 1
        return garbage[seen[body["seed"]] - 1] if seen[body["seed"]] <= len(garbage) else None

    server.trouble = in_turn
    found = sampler(server, attempts=7).candidates(data, list(data.prompts), on)
    assert set(seen.values()) == {7}
    with running(SmallServer()) as calm:
        again = sampler(calm).candidates(data, list(data.prompts), replace(on, cache=MemoryCache()))
    assert [r.id for r in again.made] == [r.id for r in found.made]


def test_what_does_not_pass_ends_the_run_and_what_was_answered_is_kept(server: SmallServer, on: Pass) -> None:
    data, ids = small_world(), list(small_world().prompts)
    server.trouble = lambda number, body: refusal(500, "out of order") if number >= 4 else None
    with pytest.raises(ModelError, match=r"gave no answer in 2 attempts; the last time: 500, .*out of order") as error:
        sampler(server, attempts=2, at_once=1).candidates(data, ids, on)
    assert "what it has answered is kept" in error.value.next_step
    first = {body["seed"] for body in server.asked[:4]}
    server.trouble, server.asked = lambda number, body: None, []
    sampler(server).candidates(data, ids, on)
    assert len(server.asked) == 3 * len(ids) - 4
    assert not first & {body["seed"] for body in server.asked}


def test_a_slow_server_is_given_up_and_a_stop_loses_no_answer(server: SmallServer, on: Pass) -> None:
    data, ids = small_world(), list(small_world().prompts)
    server.trouble = lambda number, body: time.sleep(0.6) if number == 0 else None
    found = sampler(server, timeout_s=0.3).candidates(data, ids[:1], on)
    assert len(server.asked) == 4, "one of three was asked for again"
    assert found.made

    def stop() -> None:
        if len(server.asked) > 6:
            raise Stopped

    with pytest.raises(Stopped):
        sampler(server, at_once=2).candidates(data, ids, replace(on, check=stop))
    asked = len(server.asked)
    assert asked < 3 * len(ids), "it stopped on the way"
    sampler(server, at_once=2).candidates(data, ids, on)
    assert len(server.asked) == 1 + 3 * len(ids), "nothing was asked twice"


def test_refusals_say_what_is_wrong(server: SmallServer, on: Pass, monkeypatch: pytest.MonkeyPatch) -> None:
    data, ids = small_world(), list(small_world().prompts)

    def refused(**changes: Any) -> str:
        with pytest.raises(ModelError) as error:
            sampler(server, attempts=1, **changes).candidates(data, ids, on)
        return str(error.value)

    said = refused(model="large")
    assert "refuses the request for model 'large': 404" in said and "; it lists small." in said
    assert "sampler.model" in said
    server.models = ("one", "two")
    assert "lists not one model but 2: one, two" in refused()
    assert "No server answers at http://127.0.0.1:9/v1" in refused(url="http://127.0.0.1:9/v1")
    assert "it cannot be reached" in refused(url="http://127.0.0.1:9/v1", model="one")
    monkeypatch.delenv("THEIR_KEY", raising=False)
    assert "The environment variable THEIR_KEY, which sampler.key_variable names, is not set" in refused(
        key_variable="THEIR_KEY"
    )


def test_the_key_is_sent_and_shown_nowhere(
    server: SmallServer, on: Pass, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data, secret = small_world(1), "sk-very-secret-0123456789"
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("THEIR_KEY", secret)
    named = sampler(server, model="small", key_variable="THEIR_KEY")
    named.candidates(data, list(data.prompts), on)
    assert set(server.keys) == {f"Bearer {secret}"}
    server.trouble = lambda number, body: refusal(401, f"Incorrect API key provided: {secret}.")
    with pytest.raises(ModelError, match=r"refuses the key: 401, .*Incorrect API key provided: …") as error:
        named.candidates(data, list(data.prompts), replace(on, round=3))
    kept = "".join(bytes(value).decode() for value in on.cache._arrays.values())  # type: ignore[attr-defined]
    for place in (str(error.value), repr(error.value.__cause__ and error.value), json.dumps(named.spec()), kept):
        assert secret not in place
    assert secret not in caplog.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_variable": "sk-123"}, "must not stand in a study"),
        ({"url": "http://me:pass@host/v1"}, "is no address"),
        ({"url": "http://host/v1?key=sk-123"}, "is no address"),
        ({"url": "http://host/v1#sk-123"}, "is no address"),
    ],
)
def test_a_secret_is_refused_where_it_would_be_kept(changes: dict[str, str], words: str) -> None:
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "strategies": ["random"]}
    with pytest.raises(ConfigError, match=words) as error:
        StudyConfig.from_dict({**study, "sampler": {"name": "server", **changes}})
    assert not any(secret in str(error.value) for secret in ("sk-123", "me:pass"))


# ---- a real one -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The sample model behind `transformers serve`, in a process of its own."""
    pytest.importorskip("fastapi", reason="transformers serve needs the package fastapi, which is not installed.")
    if not (MODEL / "model.safetensors").exists():
        pytest.skip("The sample model is not here.")
    command = Path(sys.executable).with_name("transformers")
    if shutil.which(str(command)) is None:
        pytest.skip("The command transformers is not installed beside this Python.")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    serving = subprocess.Popen(
        [str(command), "serve", str(MODEL), "--host", "127.0.0.1", "--port", port, "--device", "cpu"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=offline,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1).close()
                break
            except OSError:
                assert serving.poll() is None, "transformers serve ended"
                time.sleep(0.25)
        else:
            pytest.fail("transformers serve did not begin to answer within a minute.")
        yield f"{url}/v1"
    finally:
        serving.terminate()
        serving.wait(timeout=30)


def test_transformers_serve_answers_as_the_sample_model(served: str) -> None:
    from engine.data.read import read
    from engine.models.load import load_policy
    from engine.settings import ModelSettings

    data = read(MODEL.parent / "skewed" / "pool.jsonl").data
    ids = list(data.prompts)[:3]
    policy = load_policy(ModelSettings(path=str(MODEL), device="cpu"), 1)
    on = Pass(policy, 0.1, 1, 1, {}, MemoryCache())
    draws = json.dumps({"do_sample": True, "eos_token_id": 2, "pad_token_id": 0})  # its own says: greedy
    settings = {"name": "server", "url": served, "model": str(MODEL), "max_new_tokens": 96, "at_once": 1}
    asked = SAMPLERS.build({**settings, "responses": 3, "extra": {"generation_config": draws}})
    found = asked.candidates(data, ids, on)
    assert len(found.made) >= 6 and found.pairs
    assert all(len(response.text.split()) > 3 for response in found.made)
    again = asked.candidates(data, ids, replace(on, cache=MemoryCache()))
    assert [response.text for response in again.made] == [response.text for response in found.made], "it takes the seed"
    short = SAMPLERS.build({**settings, "responses": 2, "max_new_tokens": 3}).candidates(data, ids, on)
    assert short.dropped["reached max_new_tokens"] == 6

    from engine.models.generate import generate

    greedy = SAMPLERS.build({**settings, "responses": 2, "temperature": 0.0}).candidates(data, ids, on)
    ours = generate(policy, [data.prompts[i] for i in ids], keys=[0] * 3, temperature=0, max_new_tokens=96)
    assert [response.text for response in greedy.made] == [draw.text for draw in ours if draw.ended]
    with pytest.raises(ModelError, match="refuses the request for model 'another': 400"):
        SAMPLERS.build({**settings, "model": "another", "attempts": 1}).candidates(data, ids, on)
