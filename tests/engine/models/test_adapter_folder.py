"""The folder of an adapter: what of its config is read, and what is refused."""

import json
from pathlib import Path

import pytest

from engine.errors import ModelError
from engine.models.adapter_folder import lora_of

PLAIN = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["v_proj", "q_proj"]}


def test_the_settings_are_read_as_a_study_names_them(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(PLAIN))
    assert lora_of(str(tmp_path)) == {"rank": 4, "alpha": 8, "targets": ["q_proj", "v_proj"]}


@pytest.mark.parametrize("name", ["r", "lora_alpha", "target_modules"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({k: v for k, v in PLAIN.items() if k != name}))
    with pytest.raises(ModelError, match=f"adapter_config.json says no {name}"):
        lora_of(str(tmp_path))
