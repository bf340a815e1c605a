"""What every sampler must do: pairs of the prompts asked for, each once, and the same ones in any company."""

import copy
import inspect
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from pydantic import ValidationError

from engine.cache import MemoryCache
from engine.data.pool import PreferenceData
from engine.errors import SelectionError
from engine.models.policy import Policy
from engine.samplers.base import SAMPLERS, Candidates, Sampler
from engine.signals.base import Pass
from tests.conftest import move
from tests.contracts.texts import small_world
from tests.engine.samplers.small_server import SmallServer, running

# Parameters that make a sampler cheap here; short draws of a random model seldom end, so they are kept.
SHORT = {"max_new_tokens": 6, "unended": "keep"}
SMALL = {"policy": SHORT, "pilaf": {**SHORT, "beta": 2.0}, "server": {"unended": "keep"}}
SETTINGS = [{"name": name, **SMALL.get(name, {})} for name in SAMPLERS.names()]
SETTINGS.append({"name": "policy", "model": "reference", **SHORT})
ALL = pytest.mark.parametrize(
    "sampler", SETTINGS, ids=lambda s: f"{s['name']} {s.get('model', '')}".strip(), indirect=True
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a server listens, for the sampler that asks one."""
    with running(SmallServer()) as server:
        yield server.url


@pytest.fixture
def sampler(request: pytest.FixtureRequest, url: str) -> Sampler:
    if request.param["name"] == "server":
        pytest.importorskip("openai", reason="The package openai is not installed.")
        return SAMPLERS.build({**request.param, "url": url})
    return SAMPLERS.build(request.param)


@pytest.fixture
def on(tiny_policy: Policy) -> Pass:
    return Pass(move(tiny_policy), 0.1, 1, 2, {}, MemoryCache())


def candidates(sampler: Sampler, data: PreferenceData, prompt_ids: Sequence[str], on: Pass) -> Candidates:
    """A sampler that draws nothing must do without a policy."""
    return sampler.candidates(data, prompt_ids, on if sampler.generates else None)


def test_all_samplers_are_here() -> None:
    assert {"given", "all_pairs", "policy", "pilaf", "server"} <= set(SAMPLERS.names())


@ALL
def test_distinct_pairs_of_the_prompts_asked_for(sampler: Sampler, on: Pass) -> None:
    data = small_world()
    asked = list(data.prompts)[1:3]
    found = candidates(sampler, data, asked, on)
    made = {response.id: response for response in found.made}
    assert found.pairs
    assert len({pair.id for pair in found.pairs}) == len(found.pairs)
    for pair in found.pairs:
        sides = [made.get(i) or data.responses[i] for i in (pair.a, pair.b)]
        assert pair.prompt_id in asked
        assert {side.prompt_id for side in sides} == {pair.prompt_id}
        assert sides[0].text != sides[1].text
    assert bool(found.made) == sampler.generates
    assert all(count > 0 for count in found.dropped.values())


@ALL
def test_the_same_pairs_again_in_any_order_and_company(sampler: Sampler, on: Pass) -> None:
    data = small_world()
    everything = candidates(sampler, data, list(data.prompts), on)
    backwards = candidates(sampler, data, list(data.prompts)[::-1], on)
    alone = [candidates(sampler, data, [prompt_id], on) for prompt_id in data.prompts]
    assert {p.id for p in backwards.pairs} == {p.id for p in everything.pairs}
    assert {p.id for part in alone for p in part.pairs} == {p.id for p in everything.pairs}
    assert {r.id for part in alone for r in part.made} == {r.id for r in everything.made}


def test_which_responses_are_cut_does_not_depend_on_their_order() -> None:
    data = small_world()
    turned = replace(data, responses=dict(reversed(data.responses.items())))
    of_two = SAMPLERS.build({"name": "all_pairs", "max_responses": 2})
    found = [of_two.candidates(one, list(data.prompts), None) for one in (data, turned)]
    assert {pair.id for pair in found[0].pairs} == {pair.id for pair in found[1].pairs}
    assert found[0].dropped == {"responses beyond max_responses": len(data.prompts)}
    assert len(found[0].pairs) == len(data.prompts)


@pytest.mark.parametrize("name", ["policy", "pilaf"])
@pytest.mark.parametrize("temperature", [1e-3, 5.0])
def test_identical_draws_are_dropped_and_counted(name: str, temperature: float, on: Pass) -> None:
    """Nearly without chance all draws of a prompt are one response, and no response makes a pair with itself."""
    data = small_world()
    sampler = SAMPLERS.build({"name": name, **SHORT, "temperature": temperature})
    found = sampler.candidates(data, list(data.prompts), on)
    drawn = len(data.prompts) * int(getattr(sampler, "responses"))  # noqa: B009 - of both
    assert len(found.made) + sum(found.dropped.values()) == drawn
    assert len({(response.prompt_id, response.text) for response in found.made}) == len(found.made)
    assert bool(found.dropped.get("identical")) == (temperature < 1)
    each = [sum(response.prompt_id == prompt_id for response in found.made) for prompt_id in data.prompts]
    assert len(found.pairs) == sum(m * (m - 1) // 2 for m in each)
    if name == "policy" and temperature < 1:
        assert (found.pairs, len(found.made)) == ((), len(data.prompts))


def test_what_is_drawn_once_is_the_same_in_every_round(on: Pass) -> None:
    data = small_world()
    fresh = SAMPLERS.build({"name": "policy", "model": "reference", **SHORT})
    once = fresh.model_copy(update={"once": True})
    texts = {
        (which, number): [r.text for r in sampler.candidates(data, list(data.prompts), replace(on, round=number)).made]
        for which, sampler in (("fresh", fresh), ("once", once))
        for number in (1, 2)
    }
    assert texts["once", 1] == texts["once", 2]
    assert texts["fresh", 1] != texts["fresh", 2]
    assert ("once" in fresh.spec(), once.spec()["once"]) == (False, True)
    with pytest.raises(ValidationError, match="the policy of a later round is another"):
        SAMPLERS.build({"name": "policy", "once": True})


@ALL
def test_nothing_asked_nothing_given_and_the_data_left_alone(sampler: Sampler, on: Pass) -> None:
    data = small_world()
    before = copy.deepcopy(data)
    assert candidates(sampler, data, [], on).pairs == ()
    candidates(sampler, data, list(data.prompts), on)
    assert data == before


@ALL
def test_a_sampler_that_draws_says_that_it_needs_a_policy(sampler: Sampler) -> None:
    if sampler.generates:
        with pytest.raises(SelectionError, match="policy"):
            sampler.candidates(small_world(), [], None)


@ALL
def test_it_survives_json_and_says_what_it_is(sampler: Sampler) -> None:
    cls = type(sampler)
    assert SAMPLERS.build(json.loads(json.dumps(sampler.spec()))) == sampler
    assert (inspect.getdoc(cls) or "") != inspect.getdoc(Sampler)
    assert cls.summary().endswith(".")
    assert cls.title
    assert cls.source
    for name, field in cls.model_fields.items():
        assert field.description, f"{name} has no description"
        assert not field.is_required(), f"{name} has no default"
