"""Every notebook runs from top to bottom, says what it promises, and is kept without its outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "workbench" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SAYS = {
    "activedpo": ("the same picks in the same order: True", "the same picks in round 2: True"),
    "how_to_read_a_verdict": ("is better than random by", "studies without any difference got a word"),
    "quickstart": ("finished: done", "<progress", "ActiveDPO", "exported"),
    "your_own_data": ("finished: done", "2 rows refused", "things need mending"),
    "your_own_strategy": ("finished: done", "saved: uneven"),
}


def test_the_notebooks_are_those_that_the_readme_names() -> None:
    readme = (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    assert sorted(SAYS) == [path.stem for path in NOTEBOOKS]
    assert [name for name in SAYS if f"`{name}.ipynb`" not in readme] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_and_is_kept_without_outputs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = "".join(str(cell.get("outputs", "")) for cell in notebook.cells)
    assert [words for words in SAYS[path.stem] if words not in shown] == []
