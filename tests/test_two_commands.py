"""`make run` and `make test` before anything is installed: what they look at, and the sentences they stop with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import timing
from workbench import setup_environment as setup

pytest_plugins = "pytester"

ROOT = Path(__file__).resolve().parent.parent
STUB = """
import runpy, sys
{before}
sys.argv = ["setup_environment.py"]
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that the setup reads, in a folder of their own."""
    (tmp_path / "workbench").mkdir()
    for name in ("constraints.txt", "pyproject.toml", "workbench/setup_environment.py"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def run(tree: Path, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The script as the Makefile starts it, after `before` has changed what it finds. None of these may install."""
    code = STUB.format(before=before, script=str(tree / "workbench" / "setup_environment.py"))
    bare = {name: value for name, value in os.environ.items() if name not in ("TORCH", "ACCEPT_CUDA")}
    return subprocess.run(
        [sys.executable, "-I", "-c", code],
        env=bare | environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_an_old_python_is_a_sentence(tree: Path) -> None:
    done = run(tree, "sys.version_info = (3, 9, 2, 'final', 0)")
    assert done.returncode == 1
    assert "needs 3.11 or newer" in done.stderr
    assert "make run PYTHON=python3.11" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tree / ".venv").exists()


def test_a_full_disk_is_a_sentence_with_both_numbers(tree: Path) -> None:
    before = "import shutil, types; shutil.disk_usage = lambda p: types.SimpleNamespace(free=2**30)"
    done = run(tree, before)
    assert done.returncode == 1
    assert "1.0 GiB are free here" in done.stderr
    assert "needs about" in done.stderr
    assert not (tree / ".venv").exists()


def test_a_python_without_its_venv_part_is_a_sentence(tree: Path) -> None:
    """As on Debian without python3-venv: `python -m venv` ends with an error."""
    before = "import subprocess, types; subprocess.run = lambda *a, **k: types.SimpleNamespace(returncode=1, stdout='')"
    done = run(tree, before)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_cuda_packages_without_a_gpu_stop_before_the_download(tree: Path) -> None:
    report = json.dumps({"install": [{"metadata": {"name": n}} for n in ("torch", "nvidia-cublas", "cuda-bindings")]})
    before = f"""
import pathlib, shutil, subprocess, types
shutil.which = lambda name: None
pathlib.Path.exists = lambda self: 'nvidia' not in str(self)
def fake(command, **settings):
    assert '--dry-run' in command, command
    return types.SimpleNamespace(returncode=0, stdout={report!r})
subprocess.run = fake
"""
    done = run(tree, before)
    assert done.returncode == 1, done.stderr
    assert "2 CUDA packages" in done.stderr
    for part in ("no NVIDIA GPU", "Nothing was downloaded", "make run TORCH=ADDRESS", "make run ACCEPT_CUDA=1"):
        assert part in done.stderr
    accepted = run(tree, before, ACCEPT_CUDA="1")
    assert "AssertionError" in accepted.stderr  # it went on to install


def test_the_cuda_packages_of_a_report_are_the_ones_by_nvidia() -> None:
    report = {"install": [{"metadata": {"name": n}} for n in ("torch", "nvidia-nccl-cu13", "cuda-bindings", "numpy")]}
    assert setup.cuda_packages(report) == ["cuda-bindings", "nvidia-nccl-cu13"]
    assert setup.cuda_packages({}) == []


def test_torch_may_be_a_wheel_or_an_index() -> None:
    assert setup.torch_arguments("here/torch-2.whl", "torch==2") == ["here/torch-2.whl"]
    assert setup.torch_arguments("address", "torch==2") == ["--index-url", "address", "torch==2"]


def test_a_second_start_installs_nothing_unless_a_pin_or_the_project_changed(tree: Path) -> None:
    stamp = tree / "installed.json"
    wanted = setup.wanted(tree)
    assert not setup.installed(stamp, wanted, dev=False)
    stamp.write_text(json.dumps({"wanted": wanted, "dev": True}))
    assert setup.installed(stamp, wanted, dev=False)
    assert setup.installed(stamp, wanted, dev=True)
    stamp.write_text(json.dumps({"wanted": wanted, "dev": False}))
    assert not setup.installed(stamp, wanted, dev=True)
    (tree / "constraints.txt").write_text("torch==1.0\n")
    assert setup.wanted(tree) != wanted
    stamp.write_text('{"wanted"')
    assert not setup.installed(stamp, wanted, dev=False)


def test_every_dependency_is_pinned_and_no_pin_names_a_place() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line and "@" not in line and "+" not in line and "/" not in line for line in lines)
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {entry.split(">")[0].split("=")[0].strip().lower().replace("_", "-") for entry in wanted}
    assert names - pinned == set()


def test_make_knows_its_commands_and_hands_on_the_port() -> None:
    def make(*arguments: str) -> str:
        return subprocess.run(["make", "-n", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert "--port 9123 --sample" in make("run", "PORT=9123")
    assert "python3.12 -I workbench/setup_environment.py" in make("run", "PYTHON=python3.12")
    for command, part in {"test": "pytest -p tests.timing", "bench": "tests.bench", "proof": "tests.proof"}.items():
        assert part in make(command)
    lint = make("lint")
    assert all(part in lint for part in ("ruff format --check", "ruff check", "mypy"))


def test_ci_runs_make_test_with_the_browser_required() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text(encoding="utf-8")
    assert "WORKBENCH_REQUIRE_BROWSER=1 WORKBENCH_WALK_AGAIN=1 exec make test" in text


def test_a_walk_that_failed_is_shown_whole_though_the_next_one_passed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.mkdir("tests").joinpath("test_walk.py").write_text(
        """from pathlib import Path
import pytest

@pytest.mark.flaky(reruns=1)
def test_second_time():
    here, first = Path("been_here"), not Path("been_here").exists()
    here.touch()
    assert not first, "the first walk"
""",
        encoding="utf-8",
    )
    done = pytester.runpytest_subprocess("-p", "tests.timing", "-p", "no:cacheprovider", f"--rootdir={pytester.path}")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(
        ["*failed first, then walked again: *test_second_time (call)*", "*the first walk*", "*1 tests *"]
    )
    done.stderr.fnmatch_lines(["FAILED, WALKED AGAIN *test_second_time (call)"])


def test_the_time_of_a_test_is_counted_to_its_folder() -> None:
    parts = {
        "tests/engine/models/test_logps.py::test_a[x/y]": "engine/models",
        "tests/workbench/cli/deep/test_a.py::test_b": "workbench/cli",
        "tests/contracts/test_signals.py::test_c": "contracts",
        "tests/test_seeds.py::test_d": "test_seeds.py",
    }
    assert {node: timing.part_of(node) for node in parts} == parts
    lines = timing.shares(timing.Counter(a=3.0, b=1.0), timing.Counter(a=2), 5.0)
    assert [line.split()[2] for line in lines] == ["60.0", "20.0", "20.0"]
    assert "2 tests" in lines[0]
    assert lines[-1].endswith("imports, collection")
