"""A model from a hub: fetched without pickles, the same as the folder, and stopped in the middle of a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.models.load import _moved
from tests.engine.models.hub import COMMIT, hub

NAME = "somebody/a-model"
SCRIPT = """
import json, sys
from engine.errors import ModelError
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
    print(json.dumps({"hash": policy.base_hash, "name": policy.name, "calls": calls, "commit": policy.commit}))
except Stopped:
    print(json.dumps({"stopped": calls}))
except ModelError as error:
    print(json.dumps({"said": error.what, "todo": error.next_step}))
"""


def fetched(url: str, home: Path, path: str, stop_at: int = 0, token: str = "") -> dict[str, object]:
    settings = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    settings |= {"HF_TOKEN": token, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}
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
    here = fetched("http://127.0.0.1:9", tmp_path / "home", str(tiny_model_dir))
    assert found["hash"] == here["hash"]
    assert (found["commit"], here["commit"]) == (COMMIT, ""), "the record of a run names it"
    assert found["name"] == NAME
    assert not list((tmp_path / "home").rglob("*.bin"))


def test_a_model_behind_a_licence_says_what_to_do_and_comes_with_the_token(tmp_path, tiny_model_dir):
    home = tmp_path / "home"
    with hub(tiny_model_dir, NAME, gate="hf_mine", known=("hf_other",)) as server:
        nobody = fetched(server.url, home, NAME)
        assert "accepted its licence, and nobody is signed in (401)" in nobody["said"]
        assert "HF_TOKEN set in its environment" in nobody["todo"]
        other = fetched(server.url, home, NAME, token="hf_other")
        assert "the account of the token is not among them" in other["said"]
        assert "(403)" in other["said"]
        wrong = fetched(server.url, home, NAME, token="hf_wrong")
        assert "(401): the token is not valid" in wrong["said"]
        assert server.sent == 0
        absent = fetched(server.url, home, "somebody/else")
        assert "shows no model of that name (401)" in absent["said"]
        mine = fetched(server.url, home, NAME, token="hf_mine")
        assert mine["name"] == NAME
    kept = [file for file in home.rglob("*") if file.is_file()]
    assert kept
    assert not any(b"hf_mine" in file.read_bytes() for file in kept)


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
