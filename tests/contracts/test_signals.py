"""What every signal must do, on a tiny model with a moved adapter."""

import inspect
import json
from dataclasses import replace

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.models.logps import reference_logps
from engine.models.policy import Policy
from engine.signals.base import SIGNALS, Pass, Signal, Texts
from tests.conftest import move
from tests.contracts.texts import small_world
from tests.contracts.views import WIDTH

# Parameters that make a signal cheap here and change nothing else about it.
SMALL = {"prompt_entropy": {"samples": 2, "max_new_tokens": 8}, "reward_gradient": {"dimension": 32}}
ALL = pytest.mark.parametrize(
    "signal", [SIGNALS.build({"name": name, **SMALL.get(name, {})}) for name in SIGNALS.names()], ids=lambda s: s.name
)


@pytest.fixture
def texts() -> Texts:
    data = small_world()
    return Texts(tuple(data.prompts.values()), tuple(data.responses.values()), tuple(data.pairs.values()))


def only(texts: Texts, prompt_id: str) -> Texts:
    """The part of one prompt."""
    return Texts(
        tuple(p for p in texts.prompts if p.id == prompt_id),
        tuple(r for r in texts.responses if r.prompt_id == prompt_id),
        tuple(p for p in texts.pairs if p.prompt_id == prompt_id),
    )


def on(policy: Policy, texts: Texts) -> Pass:
    cache = MemoryCache()
    logps = reference_logps(policy, {p.id: p for p in texts.prompts}, texts.responses, cache)
    return Pass(policy, 0.1, 1, 2, logps, cache, gold=lambda rows: np.array([float(len(row.text)) for row in rows]))


def test_all_signals_are_here() -> None:
    expected = {"reward_margin", "prompt_entropy", "token_entropy", "embedding", "reward_gradient"}
    assert expected <= set(SIGNALS.names())
    assert set(SMALL) <= set(SIGNALS.names())


@ALL
def test_one_finite_float32_row_an_id(signal: Signal, tiny_policy: Policy, texts: Texts) -> None:
    found = signal.compute(texts, on(move(tiny_policy), texts))
    assert found.dtype == np.float32
    assert len(found) == len(texts.ids(signal.axis))
    assert found.ndim == (2 if signal.name in WIDTH else 1), "name its width in tests/contracts/views.py"
    assert signal.vector == (found.ndim == 2), "vector: ClassVar[bool] = True, where a row holds several numbers"
    assert np.isfinite(found).all()
    assert len(np.unique(found, axis=0)) > 1


@ALL
def test_company_and_order_change_nothing(signal: Signal, tiny_policy: Policy, texts: Texts) -> None:
    """One prompt at a time, last prompt first, gives the rows of all at once (float32, to 1e-5 of the largest)."""
    move(tiny_policy)
    found = dict(zip(texts.ids(signal.axis), signal.compute(texts, on(tiny_policy, texts)), strict=True))
    scale = float(np.abs(np.stack(list(found.values()))).max())
    for prompt in reversed(texts.prompts):
        part = only(texts, prompt.id)
        rows = signal.compute(part, on(tiny_policy, part))
        np.testing.assert_allclose(rows, [found[i] for i in part.ids(signal.axis)], rtol=0, atol=1e-5 * scale)


@ALL
def test_the_same_again_bit_for_bit(signal: Signal, tiny_policy: Policy, texts: Texts) -> None:
    move(tiny_policy)
    first, again = (signal.compute(texts, on(tiny_policy, texts)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@ALL
def test_it_says_whose_pass_it_is(signal: Signal, tiny_policy: Policy, texts: Texts) -> None:
    """Of the reference or of another model: the same whatever the adapter, so computed once. Of the policy: not."""
    before = signal.compute(texts, on(move(tiny_policy, seed=1), texts))
    after = signal.compute(texts, on(move(tiny_policy, seed=2), texts))
    assert np.array_equal(before, after) == (signal.model != "policy")


@ALL
def test_nothing_to_compute_is_nothing(signal: Signal, tiny_policy: Policy, texts: Texts) -> None:
    assert len(signal.compute(Texts((), (), ()), replace(on(move(tiny_policy), texts), cache=MemoryCache()))) == 0


@ALL
def test_it_survives_json_and_says_what_it_is(signal: Signal) -> None:
    cls = type(signal)
    assert SIGNALS.build(json.loads(json.dumps(signal.spec()))) == signal
    assert signal.axis in ("response", "pair", "prompt")
    assert isinstance(cls.unit, str)
    assert (inspect.getdoc(cls) or "") != inspect.getdoc(Signal)
    assert cls.summary().endswith((".", ":"))
    assert cls.title
    assert cls.source
    assert signal.made_on()
    for name, field in cls.model_fields.items():
        assert field.description or name == "model", f"{name} has no description"
        assert not field.is_required(), f"{name} has no default"
