"""Model folders that load, and those that cannot: each refusal says what is missing."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ModelError
from engine.models import device
from engine.models import load as load_module
from engine.models.device import choose_device, choose_dtype
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import save_byte_tokenizer


@pytest.fixture
def folder(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """A copy that may be broken."""
    return Path(shutil.copytree(tiny_model_dir, tmp_path / "copy"))


def load(folder: Path, **changes: object) -> Policy:
    settings = {"path": str(folder), "device": "cpu", "lora": LoraSettings(rank=4), **changes}
    return load_policy(ModelSettings(**settings), 1)


def test_a_policy_says_what_it_is(folder: Path) -> None:
    policy = load(folder)
    assert policy.name == "copy"
    assert policy.context_tokens == 128
    assert (policy.end_id, policy.stop_ids) == (2, (2,))
    assert policy.reasons == ("cpu: the config says so", "float32: exact, and the default on a cpu")
    assert policy.reference_in_words() == f"copy, the SFT model with the adapter off, {policy.base_hash[:8]}"
    assert not policy.model.training
    assert all(p.dtype == torch.float32 for p in policy.model.parameters())


def test_loading_says_nothing_into_the_terminal_of_the_app(folder: Path, capfd, recwarn) -> None:
    load(folder)
    assert capfd.readouterr().err == ""
    assert [str(one.message) for one in recwarn if one.category is FutureWarning] == []


def test_bfloat16_weights_keep_a_float32_adapter(folder: Path) -> None:
    dtypes = {n: p.dtype for n, p in load(folder, dtype="bfloat16").model.named_parameters()}
    assert all(d == (torch.float32 if "lora_" in n else torch.bfloat16) for n, d in dtypes.items())


def test_hashes_follow_the_bytes_and_not_the_path(folder: Path, tiny_model_dir: Path) -> None:
    one, other = load(folder), load(tiny_model_dir)
    assert one.fingerprint() == other.fingerprint()
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**tokenizer, "model_max_length": 99}))
    changed = load(folder)
    assert changed.tokenizer_hash != one.tokenizer_hash
    assert (changed.base_hash, changed.template_hash) == (one.base_hash, one.template_hash)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(weights))
    assert load(folder).base_hash != one.base_hash


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["config.json"], "missing config.json"),
        (["model.safetensors"], r"missing \*\.safetensors"),
        (["tokenizer.json"], "missing a tokenizer"),
        (["config.json", "model.safetensors", "tokenizer.json"], r"config\.json, \*\.safetensors, a tokenizer"),
    ],
)
def test_what_is_missing_is_named(folder: Path, gone: list[str], said: str) -> None:
    for name in gone:
        (folder / name).unlink()
    with pytest.raises(ModelError, match=said):
        load(folder)


def test_pickled_weights_are_never_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickles, which are never read"):
        load(folder)


def test_a_missing_shard_is_named(folder: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"missing model-00001-of-00002\.safetensors"):
        load(folder)


def test_damaged_files_are_named(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="The model of copy cannot be loaded"):
        load(folder)
    (folder / "model.safetensors").write_bytes(whole)
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ModelError, match="no index of weight files"):
        load(folder)


def test_weights_that_lack_a_tensor_are_refused_and_never_filled_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    gone = weights.pop("model.layers.1.mlp.up_proj.weight")
    assert gone.numel()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lack 1 tensors of its config \(first: model\.layers\.1\.mlp\.up_proj"):
        load(folder)


def test_an_adapter_alone_is_no_model(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")
    with pytest.raises(ModelError, match="only an adapter"):
        load(folder)


def test_a_folder_that_is_not_there_or_a_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model folder"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="is a file"):
        load(tmp_path / "file")


def test_no_chat_template_is_refused(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    save_byte_tokenizer(folder, template=None)
    with pytest.raises(ModelError, match="has no chat template"):
        load(folder)


def test_templates_with_names_and_no_default_are_refused(folder: Path) -> None:
    """One of them may be for tools, one for retrieval; which the SFT model was trained with nobody can tell."""
    template = (folder / "chat_template.jinja").read_text()
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text(template)
    assert load(folder).tokenizer.chat_template.keys() == {"default", "tool_use"}
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="has no chat template"):
        load(folder)


def test_code_in_the_folder_is_never_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"}}
    (folder / "config.json").write_text(json.dumps({**config, **own}))
    (folder / "mine.py").write_text("open('ran', 'w')")
    with pytest.raises(ModelError, match="never run"):
        load(folder)
    assert not Path("ran").exists()


def test_a_tokenizer_of_a_larger_model_is_refused(folder: Path) -> None:
    spec = json.loads((folder / "tokenizer.json").read_text())
    spec["model"]["vocab"]["zzz"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(spec))
    with pytest.raises(ModelError, match="up to 5000, the model has rows up to 261"):
        load(folder)


def test_more_context_than_the_model_has_is_refused(folder: Path) -> None:
    assert load(folder, context_tokens=64).context_tokens == 64
    with pytest.raises(ModelError, match="129, but copy was built for 128"):
        load(folder, context_tokens=129)


def test_targets_that_no_layer_has(folder: Path) -> None:
    with pytest.raises(ModelError, match="No adapter can be attached"):
        load(folder, lora=LoraSettings(rank=4, targets=("nothing",)))


def test_an_adapter_on_an_embedding_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="puts an adapter on an embedding"):
        load(folder, lora=LoraSettings(rank=4, targets=("embed_tokens", "q_proj")))


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="CUDA devices are there"):
        choose_device("cuda:99")
    with pytest.raises(ModelError, match="Allowed: auto, cpu"):
        choose_device("toaster")


def able(monkeypatch: pytest.MonkeyPatch, **able: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)


def test_a_cpu_that_multiplies_bfloat16_is_used_by_wide_models(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    able(monkeypatch, amx_bf16=True)
    assert choose_dtype("auto", cpu, 4096) == (torch.bfloat16, "bfloat16: this CPU computes it natively (AMX)")
    assert choose_dtype("auto", cpu, 128)[0] == torch.float32
    assert choose_dtype("float32", cpu, 4096)[0] == torch.float32
    able(monkeypatch, avx512_f=True)
    assert choose_dtype("auto", cpu, 4096)[0] == torch.float32


def test_bfloat16_is_taken_only_where_the_model_agrees(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    able(monkeypatch, avx512_bf16=True)
    monkeypatch.setattr(device, "WIDE", 8)
    policy = load(folder)
    assert policy.dtype == next(policy.model.parameters()).dtype == torch.bfloat16
    assert re.search(r"bfloat16: .* \(AVX512-BF16\); the model's logits move by 0.0", policy.reasons[1])
    monkeypatch.setattr(load_module, "GAP", 0.0)
    refused = load(folder)
    assert refused.dtype == next(refused.model.parameters()).dtype == torch.float32
    assert refused.base_hash == policy.base_hash
    assert re.match(r"float32: in bfloat16 the model's logits move by 0.0", refused.reasons[1])
