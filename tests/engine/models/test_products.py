"""Products by oneDNN against torch's own and float64, there and back; off wherever it does not help."""

import copy
import logging
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import linear

from engine.models import products
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.models.products import by_onednn, product, quicken
from engine.models.products import products as products_of
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_tiny_model

OTHERWISE = platform.machine() not in ("x86_64", "AMD64") or bool(torch.cpu.get_capabilities().get("amx_bf16"))
"""Whether oneDNN has products of float32 by bfloat16 on this CPU, which the engine never lets it take."""
AMD = "vendor_id : AuthenticAMD\nflags : fma avx2 avx512f\n"


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every product of float32 goes to oneDNN, though MKL may know this CPU."""
    if OTHERWISE:
        pytest.skip("here oneDNN would take the bfloat16 that it is allowed")
    monkeypatch.setattr(products, "by_onednn", lambda: True)
    monkeypatch.setattr(products, "_LEAST", 1)


@pytest.fixture
def anew() -> Iterator[None]:
    """Which library it is is asked anew, and anew again afterwards."""
    by_onednn.cache_clear()
    yield
    by_onednn.cache_clear()


def close(found: torch.Tensor, exact: torch.Tensor, tolerance: float = 2e-6) -> None:
    assert found.shape == exact.shape
    assert (found - exact).abs().max() <= tolerance * exact.abs().max()


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("shape", [(70, 48, 33), (1, 16, 8), (3, 40, 24, 56), (1, 129, 64, 64)])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_a_product_is_that_of_float64(shape: tuple[int, ...], with_bias: bool, turned: bool) -> None:
    draws = torch.Generator().manual_seed(1)
    *rows, width, out = shape
    x = torch.randn(*rows, width, generator=draws)
    weight = torch.randn(width, out, generator=draws).T if turned else torch.randn(out, width, generator=draws)
    bias = torch.randn(out, generator=draws) if with_bias else None
    found = product(x, weight, bias)
    close(found, linear(x.double(), weight.double(), None if bias is None else bias.double()))
    assert found.is_contiguous() and found._base is None


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("shape", [(3, 70, 48, 33), (10, 212, 64, 212), (4, 90, 300, 64), (1, 1, 7, 1)])
@pytest.mark.parametrize("turned", [True, False])
def test_products_of_many_are_those_of_float64(shape: tuple[int, ...], turned: bool) -> None:
    """To float32's rounding: what is allowed while they run, bfloat16 inside, would be a thousand times as far off."""
    draws = torch.Generator().manual_seed(1)
    *many, rows, width, out = shape
    a = torch.randn(*many, rows, width, generator=draws)
    b = (
        torch.randn(*many, out, width, generator=draws).mT
        if turned
        else torch.randn(*many, width, out, generator=draws)
    )
    close(products_of(a, b), a.double() @ b.double())


def test_nothing_else_is_let(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting that lets oneDNN in is as it was behind every product, one that fails too."""
    monkeypatch.setattr(products, "by_onednn", lambda: True)
    monkeypatch.setattr(products, "_LEAST", 1)
    setting = torch.backends.mkldnn.matmul
    usual, setting.fp32_precision = setting.fp32_precision, "ieee"
    try:
        products_of(torch.ones(2, 3, 4), torch.ones(2, 4, 5))
        assert setting.fp32_precision == "ieee"
        with pytest.raises(RuntimeError):
            product(torch.ones(3, 4), torch.ones(3, 5))
        assert setting.fp32_precision == "ieee"
    finally:
        setting.fp32_precision = usual


@pytest.mark.usefixtures("onednn")
def test_what_has_no_row_or_another_dtype_is_torch_s() -> None:
    assert product(torch.zeros(0, 8), torch.zeros(5, 8)).shape == (0, 5)
    x, weight = torch.arange(64.0).sin().view(8, 8), torch.arange(40.0).cos().view(5, 8)
    for dtype in (torch.float64, torch.bfloat16):
        assert torch.equal(product(x.to(dtype), weight.to(dtype)), linear(x.to(dtype), weight.to(dtype)))


def test_a_small_product_stays_torch_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "by_onednn", lambda: True)
    monkeypatch.setattr(products, "_onednn", lambda *_: pytest.fail("asked of oneDNN"))
    x, weight = torch.arange(64.0).sin().view(8, 8), torch.arange(40.0).cos().view(5, 8)
    assert torch.equal(product(x, weight), linear(x, weight))


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize(
    ("cpu", "able", "amx", "taken"),
    [
        (AMD, "AVX512", False, True),
        (AMD, "AVX2", False, False),
        (AMD, "AVX512", True, False),
        (AMD.replace("AuthenticAMD", "GenuineIntel"), "AVX512", False, False),
    ],
)
def test_it_is_taken_where_mkl_does_not_know_the_cpu(
    cpu: str, able: str, amx: bool, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(cpu)
    monkeypatch.setattr(products, "_CPUS", tmp_path / "cpuinfo")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: able)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx})
    state = torch.get_rng_state()
    assert by_onednn() == (taken and torch.backends.mkl.is_available() and not OTHERWISE)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.usefixtures("anew")
def test_without_it_all_is_as_torch_has_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tiny_policy: Policy
) -> None:
    monkeypatch.setattr(products, "_unknown_to_mkl", lambda: True)
    monkeypatch.setattr(products, "_onednn", lambda *_: torch.ops.mkldnn.no_such_op())
    by_onednn.cache_clear()  # it was asked when the model was loaded
    with caplog.at_level(logging.WARNING):
        assert not by_onednn()
    assert "oneDNN's products do not run here" in caplog.text
    layer = torch.nn.Linear(4, 4)
    quicken(layer)
    assert "forward" not in vars(layer)
    assert "products" not in tiny_policy.fingerprint()


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
@pytest.mark.parametrize("targets", ["all-linear", "some"])
def test_a_model_gives_and_learns_the_same(
    family: str, targets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny_model(tmp_path / family, family)
    some = ("c_attn",) if family == "gpt2" else ("q_proj", "v_proj")
    lora = LoraSettings(rank=4, targets=some if targets == "some" else "all-linear")
    policy = move(load_policy(ModelSettings(path=str(folder), device="cpu", lora=lora), 1))
    ids = (torch.arange(60) * 7 % 90 + 3).view(2, 30)

    def passes(model: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        with torch.no_grad():
            drawn = model(input_ids=ids).logits
        logits = model(input_ids=ids).logits
        logits.log_softmax(-1)[..., 5].sum().backward()
        grads = [p.grad.numpy().ravel() for n, p in model.named_parameters() if "lora_" in n and p.grad is not None]
        model.zero_grad(set_to_none=True)
        return drawn, logits.detach(), np.concatenate(grads)

    twin = copy.deepcopy(policy.model)
    assert any("forward" in vars(m) for m in twin.modules() if type(m) is torch.nn.Linear)
    found = passes(twin)
    monkeypatch.setattr(products, "by_onednn", lambda: False)
    wanted = passes(policy.model)
    close(found[0], wanted[0], 1e-5)
    close(found[1], wanted[1], 1e-5)
    assert np.abs(found[2] - wanted[2]).max() <= 1e-4 * np.abs(wanted[2]).max()


def test_what_is_kept_for_shapes_is_bounded() -> None:
    """Half a megabyte a shape, and every pack is of another: without a bound 600 of them keep some 400 MB."""
    code = """
import torch
from engine.models import products
products._unknown_to_mkl = lambda: True
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4 // 1024
x, weights = torch.ones(900, 352), [torch.ones(128, 128), torch.ones(352, 128), torch.ones(128, 352)]
assert products.by_onednn()
products.product(x[:, :128].contiguous(), weights[0])
before = held()
for rows in range(300, 900, 3):
    for weight in weights:
        products.product(x[:rows, : weight.shape[1]].contiguous(), weight)
print(held() - before)
"""
    if OTHERWISE or not Path("/proc/self/statm").exists() or not torch.backends.mkl.is_available():
        pytest.skip("needs Linux, and oneDNN in torch")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200
