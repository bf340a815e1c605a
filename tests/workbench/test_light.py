"""The app's process holds neither torch nor transformers, whatever page is drawn; and its files stay small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workbench import worlds

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "workbench" / "components" / "desk_script.py"
DRAW = """
import importlib, pkgutil, sys
import workbench
for found in pkgutil.walk_packages(workbench.__path__, "workbench."):
    if found.name not in ("workbench.app", "workbench.__main__"):
        importlib.import_module(found.name)
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("workbench/app.py", default_timeout=60).run()
for page in ("batch", "curves", "export", "studies"):
    app.switch_page(f"../pages/{page}.py").run()
    assert not app.exception, app.exception
heavy = {"torch", "transformers", "peft", "datasets", "sentence_transformers"} & set(sys.modules)
print("heavy:", sorted(heavy))
"""


def test_no_page_brings_torch_or_transformers(tmp_path):
    worlds.finished(tmp_path, seeds=(1, 2, 3), rounds=2)
    found = subprocess.run(
        [sys.executable, "-c", DRAW],
        cwd=ROOT,
        env={"WORKBENCH_STORE": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert "heavy: []" in found.stdout, found.stdout + found.stderr[-2000:]


@pytest.mark.parametrize(("folder", "most"), [("pages", 120), ("workbench/charts", 300), ("workbench/components", 300)])
def test_files_stay_small(folder, most):
    for path in (ROOT / folder).rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= most, path


def test_the_shell_fits_on_a_screen():
    assert len((ROOT / "workbench" / "app.py").read_text(encoding="utf-8").splitlines()) <= 85


def test_only_the_session_touches_state_and_link():
    for path in [*(ROOT / "workbench").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert path.name == "session.py" or ("session_state" not in text and "st.query_params" not in text), path


def test_pages_and_components_use_no_markdown():
    for path in [*(ROOT / "workbench").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        forbidden = ("st.markdown", "st.write", "st.caption", "unsafe_allow", "st.toast", "st.error(", "st.info(")
        text = text.replace("st.html(SCRIPT, unsafe_allow_javascript=True)", "") if path == SCRIPT else text
        assert not [call for call in forbidden if call in text], path


def test_the_one_script_is_a_constant_and_takes_nothing_in():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    values = {one.targets[0].id: one.value for one in tree.body if isinstance(one, ast.Assign)}
    assert isinstance(values["SCRIPT"], ast.Constant)
    (install,) = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    assert not install.args.args
    for word in ("innerHTML", "innerText", "textContent", "eval", "fetch", "XMLHttpRequest", "WebSocket", "location"):
        assert word not in values["SCRIPT"].value, word
