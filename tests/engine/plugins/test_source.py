"""A class as text: what it uses comes along, from wherever it was imported, and what cannot is named."""

import linecache
import sys
from types import ModuleType

import pytest

from engine.errors import ConfigError
from engine.plugins.imported import imported
from engine.plugins.source import source_of
from engine.strategies.base import Strategy
from tests.engine.plugins import classes


def cells(*texts: str) -> ModuleType:
    """A module made as a notebook makes one: cell after cell in one namespace, lines known to `linecache` alone."""
    module = ModuleType("made_of_cells")
    sys.modules[module.__name__] = module
    for n, text in enumerate(texts):
        file = f"<cell {n} of {abs(hash(texts))}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), vars(module))
    return module


def test_the_text_of_a_short_class_is_its_imports_and_its_lines() -> None:
    lines = source_of(classes.Short).splitlines()
    assert lines[:4] == ["import engine", "import numpy as np", "", ""]
    assert lines[4] == "class Short(engine.Strategy):"
    assert lines[-1] == "        return engine.Scores(np.abs(a - b))"


def test_what_it_uses_comes_along_once_in_an_order_that_runs() -> None:
    text = source_of(classes.Whole)
    for line in ("import math", "import numpy as np", "import numpy as numbers", "from pydantic.fields import Field",
                 "from typing import ClassVar", "from engine.selection.recipes import Recipe", "FLOOR = 0.25",
                 "NAMES = ('token_entropy',)"):  # fmt: skip
        assert text.count(f"{line}\n") == 1, line
    assert text.index("def spread") < text.index("class Whole")
    assert text.index("class Named") < text.index("class Whole")
    assert "TABLE" not in text
    assert "my_file" not in text
    made = imported(text, "strategy", "whole", "0" * 64, Strategy)
    assert made.model_json_schema()["properties"] == classes.Whole.model_json_schema()["properties"]
    assert source_of(classes.Whole) == text


def test_a_local_name_is_no_global_of_the_same_name() -> None:
    assert "object" not in source_of(classes.Short)


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("UsesATable", r"it uses 'TABLE' \(ndarray\), which is no import"),
        ("UsesMyFile", "it uses 'tests.engine.naive', a file of yours"),
        ("Decorated", "Decorated is decorated by changed, which would be lost"),
    ],
)
def test_what_cannot_come_along_is_named(name: str, finding: str) -> None:
    with pytest.raises(ConfigError, match=finding):
        source_of(getattr(classes, name))


def test_all_that_is_wrong_is_said_at_once() -> None:
    module = cells(
        "import numpy as np\nimport tests.engine.naive as mine\nTABLE = np.ones(2)\n",
        "class Two:\n    def go(self):\n        return TABLE, mine, np\n",
    )
    with pytest.raises(ConfigError) as error:
        source_of(module.Two)
    assert len(error.value.findings) == 2


def test_a_class_of_cells_takes_its_imports_from_other_cells() -> None:
    module = cells(
        "from __future__ import annotations\nfrom collections import Counter as Count\nimport json\nLOW = -1.5\n",
        "def twice(x):\n    return 2 * x\n",
        "class Kept:\n    '.'\n    def go(self, n: Count) -> int:\n        return Count(json.loads(n)), twice(LOW)\n",
    )
    assert source_of(module.Kept) == (
        "from collections import Counter as Count\nimport json\nLOW = -1.5\n\n\n"
        "def twice(x):\n    return 2 * x\n\n\n"
        "class Kept:\n    '.'\n    def go(self, n: Count) -> int:\n        return Count(json.loads(n)), twice(LOW)\n"
    )


def test_annotations_that_are_not_evaluated_stay_so() -> None:
    module = cells("from __future__ import annotations\nclass Kept:\n    def go(self, n: Nowhere) -> Never: ...\n")
    assert source_of(module.Kept).startswith("from __future__ import annotations\n")


def test_a_class_defined_anew_in_a_later_cell_is_the_later_one() -> None:
    module = cells(
        "class Kept:\n    def go(self):\n        return 1\n", "class Kept:\n    def go(self):\n        return 2\n"
    )
    assert "return 2" in source_of(module.Kept)


def test_a_registering_decorator_is_left_out() -> None:
    module = cells(
        "class R:\n    def register(self, cls):\n        return cls\nR = R()\n",
        "@R.register\nclass Kept:\n    def go(self):\n        return 1\n",
    )
    assert source_of(module.Kept).startswith("class Kept:")


def test_a_class_without_a_method_is_found_by_its_file_alone() -> None:
    assert source_of(classes.NoMethod).endswith('class NoMethod(Short):\n    name = "no_method"\n')
    with pytest.raises(ConfigError, match="the source of Bare cannot be had; write it in a cell with a method"):
        source_of(cells("class Bare:\n    x = 1\n").Bare)


def test_a_class_without_lines_is_refused() -> None:
    space: dict[str, object] = {"__name__": "made_of_cells"}
    exec("class Lost:\n    def go(self): ...\n", space)
    with pytest.raises(ConfigError, match="the source of Lost cannot be had"):
        source_of(space["Lost"])  # type: ignore[arg-type]
