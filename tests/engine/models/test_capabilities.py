"""What `workbench doctor` says of devices: here of this CPU, and of GPUs that are made up."""

import io
import json
from types import SimpleNamespace

import pytest
import torch

from engine.models import capabilities


def said(found: list[dict[str, str]]) -> dict[str, str]:
    return {one["what"]: f"{one['state']}: {one['found']} {one['next_step']}".strip() for one in found}


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
def test_a_machine_without_a_gpu_says_so_and_what_its_cpu_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    out = io.StringIO()
    capabilities.main(out)
    found = said(json.loads(out.getvalue()))
    assert found["device"] == "good: a worker here takes cpu: no CUDA device is there"
    assert "bfloat16" in found["dtype"]
    assert found["GPU"].startswith("warn: none that PyTorch can use")
    assert "AMX" in found["bfloat16"]
    assert found["attention"].startswith("good: matrix products")
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert "does not compute it" in said(capabilities.findings())["bfloat16"]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    card = SimpleNamespace(name="A card", total_memory=24 * 2**30, major=8, minor=6)
    cuda = torch.cuda
    for name, value in {
        "is_available": lambda: True, "device_count": lambda: 2, "get_device_properties": lambda _: card,
        "mem_get_info": lambda _: (3 * 2**30, 24 * 2**30), "is_bf16_supported": lambda **_: True,
        "get_device_capability": lambda _: (7, 5),
    }.items():  # fmt: skip
        monkeypatch.setattr(cuda, name, value)
    zeros = torch.zeros
    monkeypatch.setattr(torch, "zeros", lambda *shape, device=None, dtype=None: zeros(*shape, dtype=dtype))
    return monkeypatch


def test_a_gpu_is_named_with_its_memory_and_the_kernel_that_runs(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(capabilities.varlen, "is_there", lambda query, value: query.dtype == torch.bfloat16)
    found = said(capabilities.findings())
    assert found["GPU"] == "good: A card (24 GiB, sm_86), A card (24 GiB, sm_86)"
    assert found["GPU memory"].startswith("warn: 3.0 of 24.0 GiB free End what else")
    assert found["bfloat16"] == "good: the GPU computes it"
    assert found["attention"] == "good: variable-length flash kernel of torch"


def test_an_older_gpu_without_the_kernel_and_without_bfloat16(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    gpu.setattr(capabilities.varlen, "is_there", lambda query, value: False)
    found = said(capabilities.findings())
    assert found["bfloat16"].startswith("warn: the GPU only imitates it")
    assert found["dtype"].startswith("good: a worker here takes float32"), "as the warning says"
    assert "memory-efficient, plain" in found["attention"]
    assert "flash" not in found["attention"].split("(")[1]
    assert "torch 2.10" in found["attention"]
