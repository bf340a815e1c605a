"""Norms and rotations in fewer passes give what transformers' own give, or stay transformers'."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.cohere import modeling_cohere
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama import modeling_llama
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from engine.models import elementwise
from engine.models.elementwise import fuse
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.settings import ModelSettings
from tests.conftest import save_tiny_model

KINDS = [LlamaRMSNorm, GemmaRMSNorm]


def norm_of(kind: type[Any], width: int = 24, *, epsilon: float = 1e-3) -> Any:
    norm = kind(width, eps=epsilon).requires_grad_(False)
    norm.weight.add_(torch.arange(float(width)).cos(), alpha=0.5)
    return norm


def replaced(module: torch.nn.Module) -> bool:
    return "forward" in vars(module)


def slopes(how: Callable[..., Any], *given: torch.Tensor) -> list[torch.Tensor]:
    """What comes out, and its gradients in a drawn direction."""
    leaves = [x.detach().clone().requires_grad_() for x in given]
    out = how(*leaves)
    outs = out if isinstance(out, tuple) else (out,)
    along = [torch.arange(float(x.numel())).cos().view(x.shape).to(x) for x in outs]
    return [x.detach() for x in (*outs, *torch.autograd.grad(outs, leaves, along))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1e-2, 1.0, 1e3])
def test_a_norm_and_its_slope_are_those_of_float64(kind: type[Any], size: float) -> None:
    ours, exact = norm_of(kind), norm_of(kind)
    fuse(ours)
    assert replaced(ours)
    x = size * torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(1))
    gain = exact.weight.double() + (1.0 if kind is GemmaRMSNorm else 0.0)

    def plain(x: torch.Tensor) -> torch.Tensor:
        return gain * x / (x.pow(2).mean(-1, keepdim=True) + 1e-3).sqrt()

    for found, theirs, wanted in zip(slopes(ours, x), slopes(exact, x), slopes(plain, x.double()), strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=2e-6, atol=2e-6 * float(wanted.abs().max()))
        torch.testing.assert_close(theirs.double(), wanted, rtol=2e-6, atol=2e-6 * float(wanted.abs().max()))


@pytest.mark.parametrize("kind", KINDS)
def test_in_bfloat16_a_norm_rounds_no_more_than_transformers_own(kind: type[Any]) -> None:
    ours, theirs, exact = (norm_of(kind).bfloat16() for _ in range(3))
    fuse(ours)
    assert replaced(ours)
    x = torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(1)).bfloat16()
    for found, other, wanted in zip(
        slopes(ours, x), slopes(theirs, x), slopes(exact.double(), x.double()), strict=True
    ):
        assert found.dtype == torch.bfloat16
        assert (found - wanted).norm() <= 1.05 * (other - wanted).norm()
        assert (found - wanted).norm() <= 0.005 * wanted.norm()


def test_a_norm_follows_its_weights_and_a_copy_its_own() -> None:
    norm, x = norm_of(LlamaRMSNorm), torch.randn(3, 24, generator=torch.Generator().manual_seed(1))
    fuse(norm)
    before, copy = norm(x), deepcopy(norm)
    copy.weight.mul_(2)
    torch.testing.assert_close(copy(x), 2 * before)
    torch.testing.assert_close(norm(x), before, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_in_other_dtypes_and_in_training_a_norm_is_transformers_own(kind: type[Any]) -> None:
    norm, theirs = norm_of(kind), norm_of(kind)
    fuse(norm)
    x = torch.randn(3, 24, generator=torch.Generator().manual_seed(1))
    assert torch.equal(norm.double()(x.double()), theirs.double()(x.double()))
    norm.float().requires_grad_()
    norm(x).sum().backward()
    assert norm.weight.grad.abs().max() > 0


class CentredRMSNorm(LlamaRMSNorm):  # type: ignore[misc]
    """Named like the others, and something else."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return super().forward(hidden_states - hidden_states.mean(-1, keepdim=True))


class LateRMSNorm(LlamaRMSNorm):  # type: ignore[misc]
    """ε outside the root, which shows with small numbers only."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        size = hidden_states.pow(2).mean(-1, keepdim=True).sqrt() + self.variance_epsilon
        return self.weight * hidden_states / size


class GatedRMSNorm(LlamaRMSNorm):  # type: ignore[misc]
    """Asks for more than what it norms."""

    def forward(self, hidden_states: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        return super().forward(hidden_states * gate)


@pytest.mark.parametrize("kind", [CentredRMSNorm, LateRMSNorm, GatedRMSNorm])
def test_a_norm_that_computes_something_else_stays(kind: type[Any]) -> None:
    norm = norm_of(kind, epsilon=1e-5)
    fuse(norm)
    assert not replaced(norm)


class SometimesGatedRMSNorm(LlamaRMSNorm):  # type: ignore[misc]
    """May be asked for more."""

    def forward(self, hidden_states: torch.Tensor, gate: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(hidden_states if gate is None else hidden_states * gate)


def test_a_norm_that_is_asked_for_more_is_transformers_own() -> None:
    norm, x = norm_of(SometimesGatedRMSNorm), torch.randn(3, 24, generator=torch.Generator().manual_seed(1))
    fuse(norm)
    assert replaced(norm)
    wanted = norm_of(LlamaRMSNorm)(x * 3)
    torch.testing.assert_close(norm(x, torch.tensor(3.0)), wanted)
    torch.testing.assert_close(norm(x, gate=torch.tensor(3.0)), wanted)


def drawn(dtype: torch.dtype = torch.float32, width: int = 16) -> tuple[torch.Tensor, ...]:
    """Queries, keys of fewer heads, cos and sin whose halves differ; heads behind tokens, as layers leave them."""
    made = torch.Generator().manual_seed(1)
    q, k = (torch.randn(2, 9, heads, 16, generator=made).transpose(1, 2).to(dtype) for heads in (4, 2))
    cos, sin = (torch.randn(2, 9, width, generator=made).to(dtype) for _ in range(2))
    return q, k, cos, sin


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_rotation_and_its_slope_are_those_of_float64(dtype: torch.dtype) -> None:
    theirs = modeling_llama.apply_rotary_pos_emb
    ours = elementwise._rotation(theirs)
    assert ours is not None
    q, k, cos, sin = drawn(dtype)
    found = slopes(lambda q, k: ours(q, k, cos, sin), q, k)
    other = slopes(lambda q, k: theirs(q, k, cos, sin), q, k)
    exact = cos.double(), sin.double()
    wanted = slopes(lambda q, k: theirs(q, k, *exact), q.double(), k.double())
    for a, b, right in zip(found, other, wanted, strict=True):
        assert a.dtype == dtype
        assert (a - right).norm() <= 1.05 * (b - right).norm()
        assert (a - right).norm() <= torch.finfo(dtype).eps * right.norm()
    assert [x.stride() for x in found[:2]] == [q.stride(), k.stride()], "attention would have to copy them"


def test_a_rotation_of_neighbours_stays() -> None:
    assert elementwise._rotation(modeling_cohere.apply_rotary_pos_emb) is None


def test_what_ours_does_not_know_is_asked_of_theirs() -> None:
    asked: list[int] = []

    def theirs(q: Any, k: Any, cos: Any, sin: Any, unsqueeze_dim: int = 1) -> Any:
        asked.append(unsqueeze_dim)
        return modeling_llama.apply_rotary_pos_emb(q, k, cos, sin, unsqueeze_dim)

    ours = elementwise._rotation(theirs)
    assert ours is not None
    asked.clear()
    q, k, cos, sin = drawn()
    ours(q, k, cos, sin)
    assert not asked
    ours(q.transpose(1, 2), k.transpose(1, 2), cos, sin, 2)
    ours(q.transpose(1, 2), k.transpose(1, 2), cos, sin, unsqueeze_dim=2)
    ours(*drawn(torch.float64))
    ours(q, k, cos[:1], sin[:1])
    assert asked == [2, 2, 1, 1]


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    folder = save_tiny_model(tmp_path / "llama", "llama")
    return load_policy(ModelSettings(path=str(folder), device="cpu"), 1)


def test_a_loaded_model_has_them_and_transformers_own_file_is_as_it_was(policy: Policy) -> None:
    named = [(type(module).__name__, replaced(module)) for module in policy.model.modules()]
    assert {name for name, ours in named if ours and "Linear" not in name} == {"LlamaAttention", "LlamaRMSNorm"}
    assert all(ours for name, ours in named if name in ("LlamaAttention", "LlamaRMSNorm"))
    assert modeling_llama.apply_rotary_pos_emb.__module__ == modeling_llama.__name__
    attention: Any = next(m for m in policy.model.modules() if type(m).__name__ == "LlamaAttention")
    used = attention.forward.__func__.__globals__[elementwise._ROTATION]
    assert used is elementwise._rotation(modeling_llama.apply_rotary_pos_emb)


def test_what_others_put_in_place_stays(policy: Policy) -> None:
    forwards = [vars(module).get("forward") for module in policy.model.modules()]
    fuse(policy.model)
    assert [vars(module).get("forward") for module in policy.model.modules()] == forwards
