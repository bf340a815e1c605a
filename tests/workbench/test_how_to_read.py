"""Every chart says how to read it, in at most 40 words, has a text alternative, and its numbers as a table."""

import ast
import re
from pathlib import Path

import pytest

from engine.store.picked import batch
from tests.engine.store.test_probed import probed_world
from tests.workbench.test_explore import scored_world
from tests.workbench.test_pages import ROOT, app
from workbench.components.how_to_read import MOST, how_to_read
from workbench.components.score_panels import RIDGES

CAPTION = re.compile(r"How to read this\.</b>(.*?)</small>", re.DOTALL)
SHOWN_AS_SAVED = {"take_away"}
"""What draws a figure a second time, as it is saved: the first has the caption."""


def drawn(test) -> list[tuple[str, str]]:
    """Charts and captions in the order of the page: ("chart", its text alternative), ("caption", its words)."""
    found = []
    for element in test.main:
        if element.type == "plotly_chart":
            found.append(("chart", element.proto.alt))
        elif element.type == "html":
            found += [("caption", words) for words in CAPTION.findall(element.proto.body)]
    return found


@pytest.mark.parametrize(
    ("page", "world", "query"),
    [
        ("explore", scored_world, {"strategy": "ActiveDPO"}),
        ("explore", scored_world, {"strategy": "ActiveDPO", "chart": RIDGES}),
        ("explore", probed_world, {"pair": "{pair}"}),
        ("batch", probed_world, {"round": "2"}),
        ("curves", probed_world, {"certainty": "true"}),
        ("studies", probed_world, {}),
    ],
)
def test_every_chart_of_a_page_is_followed_by_its_caption(tmp_path, monkeypatch, page, world, query):
    made = world(tmp_path)
    store = made[0] if isinstance(made, tuple) else made
    if "pair" in query:
        query = {"pair": batch(store, made[1], 2)[0].pair_id}
    test = app(store.folder, monkeypatch, page, **query)
    assert not test.exception
    found = drawn(test)
    charts = [n for n, (kind, _) in enumerate(found) if kind == "chart"]
    assert charts, "the page draws something"
    for n in charts:
        assert found[n][1].strip(), "a text alternative"
        rest = [kind for kind, _ in found[n + 1 :]]
        assert "caption" in rest, found[n][1]
        between = rest[: rest.index("caption")]
        assert len(between) <= 1, f"{found[n][1]}: a caption may serve two charts side by side, not more"


def test_every_module_that_draws_a_chart_says_how_to_read_it():
    for path in sorted([*(ROOT / "workbench").rglob("*.py"), *(ROOT / "pages").glob("*.py")]):
        text = path.read_text(encoding="utf-8")
        calls = [c for c in ast.walk(ast.parse(text)) if isinstance(c, ast.Call) and _name(c) == "plotly_chart"]
        if not calls or path.stem in SHOWN_AS_SAVED:
            continue
        assert all(any(word.arg == "alt" for word in call.keywords) for call in calls), f"{path}: a chart without alt"
        assert re.search(r"read_this|how_to_read|How to read this|under_map", text), f"{path}: a chart without caption"


def test_captions_that_are_written_down_have_at_most_forty_words():
    long = {}
    for path in sorted((ROOT / "workbench" / "charts").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                name = getattr(node.targets[0], "id", "")
                if name.endswith("WORDS") and isinstance(node.value.value, str):
                    n = len(node.value.value.split())
                    long.update({f"{Path(path).stem}.{name}": n} if n > MOST else {})
    assert not long


def test_a_caption_is_escaped():
    assert how_to_read("<b>") == "<small><b>How to read this.</b> &lt;b&gt;</small>"


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
