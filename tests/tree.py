"""The captioned tree of the README, made from the first sentence of every module; `make tree` writes it.

A test holds the README against it, so a new file needs a docstring that says what it is, and `make tree`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "```text\n", "```\n"
HEADING = "## The tree\n"
WIDTH = 34

# Folders that have no docstring to speak for them.
CAPTIONS = {
    "engine": "works from a notebook and knows no screen",
    "engine/analysis": "intervals and levels over seeds",
    "engine/data": "files in, files out, and the view of a pool that a strategy gets",
    "engine/data/formats": "one file = one way in which preference data is written down",
    "engine/dpo": "one round of DPO and its evaluation; torch",
    "engine/models": "everything that touches the language model; torch starts here",
    "engine/oracles": "one file = one source of labels",
    "engine/samplers": "one file = one source of candidate pairs",
    "engine/selection": "executes what a strategy asks for: top-k, two-stage, bands, greedy log-determinant",
    "engine/signals": "one file = one array that a model pass gives",
    "engine/store": "the only code that opens the database and a study's files",
    "engine/store/migrations": "the schema's steps, run by Alembic",
    "engine/store/migrations/versions": "one file = one step",
    "engine/strategies": "one file = one acquisition strategy",
    "engine/tasks": "one file = one thing that a page asks a worker for",
    "workbench": "the app and the command line; no torch",
    "workbench/notebooks": "notebooks that the tests execute",
    "sample_data/skewed": "the world with skewed topics and near-duplicates: pool, two held-out sets, tuning split",
    "sample_data/flat": "the same without redundancy or shift",
    "sample_data/model": "the small language model, as `save_pretrained` writes it",
    "sample_data/reward_model": "a reward model of the sample world, for trying and for tests",
    "tests": "mirrors the rooms",
    "tests/bench": "`make bench`: timings as ratios, with their dated log",
    "tests/browser": "journeys in a real Chromium",
    "tests/contracts": "every registered plugin against one list of checks",
    "tests/engine": "the engine, room by room",
    "tests/proof": "`make proof`: what takes minutes, with its dated log",
    "tests/sample_data": "the sample worlds and model rebuild",
    "tests/workbench": "the app and the command line",
}
LISTED = ("engine", "workbench", "pages", "sample_data")
TESTS = "tests"


def tree() -> str:
    """The tree as text, a line a folder or module."""
    return "".join(f"{line}\n" for root in (*LISTED, TESTS) for line in _lines(ROOT / root, 0))


def captioned(path: Path) -> str:
    """What a folder or module is: the first sentence of its docstring, else the caption above."""
    name = path.relative_to(ROOT).as_posix()
    source = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) if source.exists() else None
    if name in CAPTIONS:
        return CAPTIONS[name]
    if not text:
        raise ValueError(f"{name} has no docstring, and no caption in tests/tree.py.")
    first = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[^.])\. |: ``|\.$", first)[0]


def in_readme() -> str:
    """The tree as the README shows it."""
    return _parts((ROOT / "README.md").read_text(encoding="utf-8"))[1]


def write() -> None:
    """Put the tree into the README."""
    before, _, after = _parts((ROOT / "README.md").read_text(encoding="utf-8"))
    (ROOT / "README.md").write_text(before + tree() + after, encoding="utf-8")


def _parts(readme: str) -> tuple[str, str, str]:
    start = readme.index(BEGIN, readme.index(HEADING)) + len(BEGIN)
    end = readme.index(END, start)
    return readme[:start], readme[start:end], readme[end:]


def _lines(folder: Path, depth: int) -> Iterator[str]:
    yield _line(folder.name + "/", captioned(folder), depth)
    inside = [p for p in sorted(folder.iterdir()) if not p.name.startswith(".") and p.name != "__pycache__"]
    for path in inside:
        if path.suffix == ".py" and path.name != "__init__.py" and folder.parts[-1] != TESTS:
            yield _line(path.name, captioned(path), depth + 1)
    for path in inside:
        if path.is_dir() and any(p.name != "__pycache__" for p in path.iterdir()):
            if folder.parts[-1] == TESTS:
                yield _line(path.name + "/", captioned(path), depth + 1)
            else:
                yield from _lines(path, depth + 1)


def _line(name: str, caption: str, depth: int) -> str:
    return f"{'  ' * depth + name:<{WIDTH}} {caption}"


if __name__ == "__main__":
    write()
    sys.exit(0)
