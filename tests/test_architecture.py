"""The house holds: who imports whom, what stays light, how long a file may be, whether the README's tree is true."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine
from engine.data.formats.base import FORMATS
from engine.filters.base import FILTERS
from engine.guardrails.base import GUARDRAILS
from engine.oracles.base import ORACLES
from engine.registry import Registry
from engine.samplers.base import SAMPLERS
from engine.signals.base import SIGNALS
from engine.strategies.base import STRATEGIES
from engine.tasks.base import TASKS
from engine.trackers.base import TRACKERS
from tests import tree
from tests.rooms import NEVER_STREAMLIT, NEVER_TORCH, TABLE, Room

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("engine", "workbench", "pages", "sample_data")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
EVERY_FILE = [*FILES, *sorted((ROOT / "tests").rglob("*.py"))]


@dataclass(frozen=True)
class Import:
    name: str
    line: int
    inside: bool


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file but those for type checkers; whether it stands inside a function."""

    def walk(node: ast.AST, inside: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                parent = child.module or ""
                modules = [f"{parent}.{a.name}" for a in child.names if is_module(f"{parent}.{a.name}")]
                yield from (Import(name, child.lineno, inside) for name in modules or [parent])
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                yield from (found for other in child.orelse for found in walk(other, inside))
            else:
                yield from walk(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    return walk(ast.parse(path.read_text(encoding="utf-8")), False)


def is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def below(name: str, allowed: frozenset[str]) -> bool:
    """Whether an allowed name is this one or a folder it lies in. "engine" alone stands for its public names."""
    parts = name.split(".")
    return any(".".join(parts[:n]) in allowed - {"engine"} for n in range(1, len(parts) + 1)) or (
        name == "engine" and name in allowed
    )


def rules_of(module: str) -> Room:
    parts = module.split(".")
    return next(TABLE[key] for n in range(len(parts), 0, -1) if (key := ".".join(parts[:n])) in TABLE)


def forbidden(path: Path) -> list[str]:
    rules = rules_of(module_of(path))
    found = []
    for item in imports(path):
        if item.name.split(".")[0] in sys.stdlib_module_names or below(item.name, rules.top):
            continue
        if not (item.inside and below(item.name, rules.inside)):
            where = "inside a function" if item.inside else "at the top"
            found.append(f"{path.relative_to(ROOT)}:{item.line} imports {item.name} {where}")
    return found


def test_every_import_is_one_the_table_allows() -> None:
    assert [line for path in FILES for line in forbidden(path)] == []


def test_the_table_finds_what_it_forbids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "engine" / "strategies").mkdir(parents=True)
    bad = tmp_path / "engine" / "strategies" / "bad.py"
    bad.write_text("import streamlit\nimport math\nfrom engine import errors\n\ndef f():\n    import torch\n")
    (tmp_path / "engine" / "errors.py").touch()
    assert forbidden(bad) == [
        "engine/strategies/bad.py:1 imports streamlit at the top",
        "engine/strategies/bad.py:6 imports torch inside a function",
    ]


def test_streamlit_and_torch_stay_where_they_belong() -> None:
    """Whatever the table says, and inside functions too."""
    for path in FILES:
        roots = {item.name.split(".")[0] for item in imports(path)}
        room_name = path.relative_to(ROOT).parts[0]
        assert not (room_name in NEVER_STREAMLIT and "streamlit" in roots), path
        assert not (room_name in NEVER_TORCH and roots & {"torch", "transformers", "peft"}), path


def test_no_import_of_strategies_from_one_another() -> None:
    for path in sorted((ROOT / "engine" / "strategies").glob("*.py")):
        others = {i.name for i in imports(path) if i.name.startswith("engine.strategies.")}
        shared = {name for name in others if name.split(".")[2].startswith("_")}  # parts that several share
        assert others - shared <= {"engine.strategies.base"}, path


HEAVY_PACKAGES = "torch transformers peft pandas scipy sqlalchemy alembic duckdb pyarrow streamlit plotly datasets"
LIGHT_IMPORTS = {
    "import engine": HEAVY_PACKAGES + " numpy pydantic",
    "import engine; engine.StudyConfig": HEAVY_PACKAGES,
    "from engine.strategies.base import STRATEGIES; STRATEGIES.names()": HEAVY_PACKAGES,
    "import engine; [getattr(engine, name) for name in engine.__all__]": "torch transformers peft streamlit",
    "import workbench.cli": "torch transformers peft streamlit plotly",
}


@pytest.mark.parametrize("code", LIGHT_IMPORTS)
def test_light_imports_load_nothing_heavy(code: str) -> None:
    """In a process of its own, so that the whole chain counts. What is loaded decides whether it is slow or fast."""
    listed = f"{code}\nimport sys; print(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", listed], cwd=ROOT, check=True, capture_output=True, text=True)
    assert set(done.stdout.splitlines()[-1].split()) & set(LIGHT_IMPORTS[code].split()) == set()


def test_every_page_and_component_stays_without_torch() -> None:
    modules = [module_of(p) for p in FILES if p.parts[len(ROOT.parts)] == "workbench" and p.name != "app.py"]
    code = f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_public_names_are_sorted_complete_and_there() -> None:
    assert engine.__all__ == sorted(engine.__all__)
    assert set(engine.__all__) == set(engine._HOME)
    for name in engine.__all__:
        assert getattr(engine, name) is not None
        assert name in dir(engine)
    with pytest.raises(AttributeError, match="no attribute 'Studyconfig'"):
        engine.Studyconfig  # noqa: B018


def too_long(path: Path) -> bool:
    limit = 120 if path.relative_to(ROOT).parts[0] == "pages" else 300
    return len(path.read_text(encoding="utf-8").splitlines()) > limit


def test_no_file_is_longer_than_300_lines_and_no_page_than_120() -> None:
    # A migration is one step of the schema, written out once and never touched again.
    long = [p for p in EVERY_FILE if too_long(p) and "versions" not in p.parts]
    assert [str(p.relative_to(ROOT)) for p in long] == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"}
    assert [str(p.relative_to(ROOT)) for p in EVERY_FILE if p.stem in empty] == []


@pytest.mark.parametrize(
    "registry",
    [STRATEGIES, SIGNALS, SAMPLERS, ORACLES, GUARDRAILS, FILTERS, FORMATS, TASKS, TRACKERS],
    ids=lambda r: r.kind,
)
def test_every_file_of_a_plural_room_registers_exactly_one_plugin(registry: Registry) -> None:
    folder = ROOT.joinpath(*registry.room.split("."))
    files = {p.stem for p in folder.glob("*.py") if not p.stem.startswith("_") and p.stem != "base"}
    homes = [cls.__module__.rpartition(".")[2] for cls in registry if cls.__module__.startswith(registry.room)]
    assert sorted(homes) == sorted(files)


def test_the_readmes_tree_is_the_real_one() -> None:
    assert tree.in_readme() == tree.tree(), "run `make tree`"
    assert [name for name in tree.CAPTIONS if not (ROOT / name).exists()] == []


def calls(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


def test_the_engine_prints_nothing_unpickles_nothing_and_draws_nothing_unkeyed() -> None:
    for path in FILES:
        found = calls(path)
        if path.relative_to(ROOT).parts[0] == "engine":
            assert not found & {"print", "random.random", "random.seed", "np.random.seed"}, path
            # Dropout in foreign layers draws from torch's own generator: it is seeded within a fork and put back.
            assert "torch.manual_seed" not in found or "torch.random.fork_rng" in found, path
        assert not {name for name in found if name.startswith(("pickle.", "joblib.", "dill."))}, path
        text = path.read_text(encoding="utf-8")
        assert "trust_remote_code=True" not in text, path


def test_no_file_names_a_place_on_one_machine_or_a_registry() -> None:
    secret = ["/work" + "/", "/root" + "/", "/home" + "/", "pypi" + ".org", "files.python" + "hosted"]
    texts = [
        *EVERY_FILE,
        *(ROOT / n for n in ("README.md", "Makefile", "constraints.txt", ".ci/run", "pyproject.toml")),
    ]
    for path in texts:
        text = path.read_text(encoding="utf-8")
        assert [word for word in secret if word in text] == [], path
