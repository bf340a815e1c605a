"""A model from a hub: fetched without pickles, the same as the folder, and stopped in the middle of a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.models.load import _moved
from tests.engine.models.hub import hub

NAME = "somebody/a-model"
SCRIPT = """
import json, sys
from engine.settings import ModelSettings
from engine.models.load import load_policy
calls, at = 0, int(sys.argv[2])
class Stopped(Exception):
    pass
def check():
    global calls
    calls += 1
    if at and calls >= at:
        raise Stopped
try:
    policy = load_policy(ModelSettings(path=sys.argv[1], device="cpu"), 1, check)
    print(json.dumps({"hash": policy.base_hash, "name": policy.name, "calls": calls}))
except Stopped:
    print(json.dumps({"stopped": calls}))
"""


def fetched(url: str, home: Path, path: str, stop_at: int = 0) -> dict[str, object]:
    settings = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path, str(stop_at)],
        env={**os.environ, **settings, "TRANSFORMERS_OFFLINE": "0"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_model_of_a_hub_is_the_one_in_the_folder_and_no_pickle_is_fetched(tmp_path, tiny_model_dir):
    (tmp_path / "hub").mkdir()
    for file in tiny_model_dir.iterdir():
        (tmp_path / "hub" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "hub" / "pytorch_model.bin").write_bytes(b"a pickle")
    with hub(tmp_path / "hub", NAME) as server:
        found = fetched(server.url, tmp_path / "home", NAME)
    assert found["hash"] == fetched("http://127.0.0.1:9", tmp_path / "home", str(tiny_model_dir))["hash"]
    assert found["name"] == NAME
    assert not list((tmp_path / "home").rglob("*.bin"))


def test_a_download_stops_in_the_middle_of_a_file(tmp_path):
    """The library looks every 10 MB; the rest of the file stays where it is."""
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "config.json").write_text("{}")
    whole = 1 << 26
    (tmp_path / "hub" / "model.safetensors").write_bytes(bytes(whole))
    with hub(tmp_path / "hub", NAME, pause_s=0.001) as server:
        found = fetched(server.url, tmp_path / "home", NAME, stop_at=3)
        assert "stopped" in found
        assert 0 < server.sent < whole / 2


def test_a_model_is_moved_part_by_part_and_can_be_stopped_between():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU()))
    seen: list[set[str]] = []
    moved = _moved(model, torch.device("meta"), lambda: seen.append({str(p.device) for p in model.parameters()}))
    assert {str(p.device) for p in moved.parameters()} == {"meta"}
    assert seen == [{"cpu"}, {"meta", "cpu"}, {"meta"}]

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _moved(torch.nn.Linear(2, 2), torch.device("meta"), stop)
