"""`workbench doctor`: what is there, what is missing, and the words to install it with."""

import json
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from workbench import doctor
from workbench.cli.main import app

ROOT = Path(__file__).parents[2]
DEVICE = [{"what": "GPU", "found": "none", "state": "good", "next_step": ""}]


def asked(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["doctor", *words])
    return done.exit_code, done.output


def test_it_looks_at_everything_here(tmp_path: Path) -> None:
    code, text = asked("--json", "--store", str(tmp_path))
    found = {one["what"]: one for one in json.loads(text)}
    assert code == 0, text
    wanted = {"Python", "torch", "device", "dtype", "bfloat16", "attention", "memory", "disk", "store", "browser"}
    assert wanted <= set(found)
    assert all(set(one) == {"what", "found", "state", "next_step"} for one in found.values())
    assert all(bool(one["next_step"]) == (one["state"] != "good") for one in found.values())


def test_it_knows_every_extra_of_the_program() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(doctor.EXTRAS) == set(extras) - {"dev"}
    assert all(extras[name][0].startswith(package) for name, (package, _) in doctor.EXTRAS.items())


def test_what_is_missing_is_named_with_the_words_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = doctor.version

    def without(name: str) -> str:
        if name in ("umap-learn", "peft"):
            raise PackageNotFoundError(name)
        return there(name)

    monkeypatch.setattr(doctor, "version", without)
    monkeypatch.setattr(doctor, "_device", lambda: DEVICE)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    code, text = asked("--store", str(tmp_path))
    assert code == 2, "without peft nothing can be trained"
    assert ".venv/bin/pip install -e '.[umap]'" in text
    assert "BAD   peft: not installed" in text
    assert "browser: none on this machine" in text


def run(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    def told(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        code, out, error = answers["gpus" if command[0] == "nvidia-smi" else "torch"]
        return subprocess.CompletedProcess(command, code, out, error)

    monkeypatch.setattr(doctor.subprocess, "run", told)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name)


def test_a_gpu_that_torch_does_not_take_and_a_torch_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = (0, "GPU 0: A card (UUID: GPU-1)\n", "")
    run(monkeypatch, torch=(0, json.dumps(DEVICE), ""), gpus=listed)
    assert "it lists GPU 0: A card, which" in doctor._device()[-1]["found"]
    run(monkeypatch, torch=(1, "", "Traceback\nImportError: libcudart"), gpus=listed)
    (found,) = doctor._device()
    assert (found["state"], found["found"]) == ("bad", "PyTorch does not start: ImportError: libcudart")
