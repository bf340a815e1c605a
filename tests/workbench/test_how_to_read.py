"""Every chart says how to read it, in at most 40 words, has a text alternative, and its numbers as a table."""

import ast
import re
from pathlib import Path

import pytest

from engine.store import queries
from engine.store.picked import batch
from engine.tasks.base import ask
from engine.tasks.projection import Projection
from engine.tools import ToolsWorker
from tests.engine.store.test_probed import probed_world
from tests.engine.tasks.toys import vectors
from tests.workbench import campaign_worlds, lab_worlds, lead_worlds, worlds
from tests.workbench.test_explore import scored_world
from tests.workbench.test_pages import ROOT, app
from workbench import laboratory
from workbench.components.how_to_read import MOST, how_to_read
from workbench.components.score_panels import RIDGES

DRY = ("random", "activedpo", "apl")
CAPTION = re.compile(r"How to read this\.</b>(.*?)</small>", re.DOTALL)
SHOWN_AS_SAVED = {"take_away"}
"""What draws a figure a second time, as it is saved: the first has the caption."""


def drawn(test) -> list[tuple[str, str]]:
    """In the order of the page: ("chart", its text alternative), ("caption", its words), ("table", "")."""
    found = []
    for element in test.main:
        if element.type == "plotly_chart":
            found.append(("chart", element.proto.alt))
        elif element.type == "dataframe":
            found.append(("table", ""))
        elif element.type == "html":
            body = element.proto.body
            parts = [(m.start(), "caption", m[1]) for m in CAPTION.finditer(body)]
            parts += [(m.start(), "table", "") for m in re.finditer("<table", body)]
            found += [(kind, words) for _, kind, words in sorted(parts)]
    return found


def mapped_world(folder: Path):
    """A finished study with a map of its pool."""
    store = worlds.finished(folder / "map", seeds=(1,), strategies=("random", "activedpo"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", vectors)
        ask(store, Projection(study_id=queries.studies(store)[0].id))
        ToolsWorker(store).work(until_idle=True)
    return store


def answered_world(folder: Path):
    """A campaign that three people answered."""
    return lead_worlds.answered(folder / "lead")


def campaign_world(folder: Path):
    """A finished campaign with a sample, an audit slice and shadows."""
    return campaign_worlds.campaign(folder / "campaign")


def dry_world(folder: Path):
    """A finished study whose pool was scored for a dry run of three strategies, which a worker has made."""
    store = worlds.finished(folder / "dry", seeds=(1,), strategies=DRY)
    lab_worlds.scored(store, lab_worlds.request(store, *DRY, seed=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laboratory, "SOON_S", 0.0)
        app(store.folder, patch, "dry_run", **{"as": "SFT model"})
    assert ToolsWorker(store).work(until_idle=True) == 1
    return store


@pytest.mark.parametrize(
    ("page", "world", "query"),
    [
        ("explore", scored_world, {"strategy": "ActiveDPO"}),
        ("explore", scored_world, {"strategy": "ActiveDPO", "chart": RIDGES}),
        ("explore", probed_world, {"pair": "{pair}"}),
        ("batch", probed_world, {"round": "2"}),
        ("curves", probed_world, {"certainty": "true"}),
        ("curves", campaign_world, {}),
        ("studies", probed_world, {}),
        ("map", mapped_world, {}),
        ("label_quality", answered_world, {}),
        ("dry_run", dry_world, {"as": "SFT model"}),
    ],
)
def test_every_chart_has_a_caption_a_text_alternative_and_a_table(tmp_path, monkeypatch, page, world, query):
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
        assert len(found[n][1].split()) >= 4, f"{found[n][1]!r} is no text alternative"
        rest = [kind for kind, _ in found[n + 1 :]]
        assert "caption" in rest, found[n][1]
        between = rest[: rest.index("caption")]
        assert between.count("chart") <= 1, f"{found[n][1]}: a caption may serve two charts side by side, not more"
        assert "table" in before_the_next(rest), f"{found[n][1]}: its numbers are in no table"


def before_the_next(rest: list[str]) -> list[str]:
    """What follows a chart before the next one, or before the one after it: two side by side share what is below."""
    charts = [place for place, kind in enumerate(rest) if kind == "chart"] + [len(rest)] * 2
    alone = rest[: charts[0]]
    return alone if "table" in alone else rest[: charts[1]]


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
