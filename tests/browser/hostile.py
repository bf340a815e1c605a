"""A store in which every text is an attack: names, topics, sources, labellers, prompts, responses, words of a worker.

Each text holds markup that would fetch from a foreign host, run a script or change the page if anything read it as
more than text; `LITERAL` says what must then be on the screen, character for character.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.records import Evaluated, Event, Label, Labelled, Message, Pair, Pick, Picked, Prompt, Response, Scored
from engine.seeds import rng_for
from engine.store import queries, roles, texts, writer
from engine.store.database import Store, open_store
from engine.tasks.base import ask
from engine.tasks.projection import Projection
from engine.tools import ToolsWorker
from tests.engine.tasks.toys import vectors
from tests.workbench import worlds

EVIL = "http://evil.example"
STRUCK = "window.__struck=1"
"""What every script of theirs does; a page on which it is set has run one."""
HTML = (
    f"<script>{STRUCK}</script><img src={EVIL}/x.png onerror='{STRUCK}'><svg onload={STRUCK}>"
    f"<a href='{EVIL}/a'>link</a><iframe srcdoc='<script>parent.__struck=1</script>'></iframe>"
)
BREAKS_OUT = f"\"'><img src={EVIL}/q.png onerror={STRUCK}><b title='&quot;&lt;&#39;"
MARKDOWN = f"![x]({EVIL}/m.png) [y]({EVIL}/l) <{EVIL}/auto> **bold** `code` # head"
DIRECTIVES = r":material/home: :red[not red] :smile: :streamlit: $\latex^2$ $$x$$ [^1] - [ ] ~~gone~~"
BIDI = "abc \u202egnp.eliF\u202c \u2067\u05d0\u05d1\u2069 مرحبا، كيف أغسل سترة صوفية؟ \u200f\u061c end"
CONTROLS = "be\x01ep \x07\x08\x0b\x0c\x1b[31mred\x1b[0m \x7f\x80\x9b31m \ufeff\ufffe done"
EMOJI = "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0301\u0301 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢ 🧶"
ONE_WORD = "w" * 20_000
LONG = "A sentence of twenty. " * 909  # 20,000 characters
STYLE = f"</style></textarea></title><style>body{{display:none}}</style><link rel=stylesheet href={EVIL}/c.css>"
TEMPLATE = "{{7*7}} ${7*7} %{x} <extra></extra> <br> javascript:alert(1) data:text/html,<script>alert(1)</script>"
TEXTS = (HTML, MARKDOWN, DIRECTIVES, BIDI, CONTROLS, EMOJI, ONE_WORD, LONG, STYLE, TEMPLATE, BREAKS_OUT)
STUDY = f"<img src={EVIL}/n onerror={STRUCK}> **b** :smile: $x$ :material/home: [l]({EVIL}/s)"
NEARLY = "n" * 120
"""A name of the greatest length without a blank."""
TOPIC = f"<b>topic</b> ![t]({EVIL}/t.png) :red[t]"
SOURCE = f"<i>source</i> ![s]({EVIL}/s.png) :smile: \u202eecruos"
LABELLER = f"<u>labeller</u><img src={EVIL}/w.png> *who*"
FILE = f"<img src={EVIL}" + "/file.png onerror=alert(1)> :home: $f$.jsonl"
SETS = (f"<a href={EVIL}/h>near</a> :red[r] $y$", f"![far]({EVIL}/f.png) **b**")
WORD = f"<img src={EVIL}/p.png> step 41 of 120 :fire: [w]({EVIL}/w)"
ERROR = f"The loss is not finite. Text <script>{STRUCK}</script> of pair ![e]({EVIL}/e.png).\n- <img src={EVIL}/z> one"


def preference_data() -> PreferenceData:
    """A prompt a text, each with four responses: three more of the texts, and a fenced one."""
    data = PreferenceData()
    for n, text in enumerate(TEXTS):
        after = [TEXTS[(n + step) % len(TEXTS)] for step in (1, 2, 3)]
        turns = [Message("user", f"{n}: {text}")]
        if n % 3 == 0:
            turns = [Message("system", after[1]), turns[0], Message("assistant", after[0]), Message("user", text)]
        prompt = Prompt.of(turns, topic=TOPIC)
        data.prompts[prompt.id] = prompt
        ids = []
        for body in (*after, f"```html\n{text}\n```\nsecond {n}"):
            response = Response.of(prompt.id, body, source=SOURCE)
            data.responses[response.id] = response
            ids.append(response.id)
        for i in range(4):
            for j in range(i):
                pair = Pair.of(prompt.id, ids[i], ids[j])
                data.pairs[pair.id] = pair
                data.comparisons.append(Comparison(pair.id, "a" if (i + j + n) % 3 else "b", labeller=LABELLER))
    return data


def store_of(folder: Path) -> Store:
    """A finished study, one of the longest name whose second run failed, and one under way; the first has its map."""
    store = open_store(folder)
    data = preference_data()
    pool = texts.add_dataset(
        store, name=FILE, path=f"/tmp/{FILE}", format_name="multi_response", sha256="00", data=data, rows=len(TEXTS),
        refused={f"<b>reason</b> ![r]({EVIL}/r.png)": 2},
    )  # fmt: skip
    me = worlds.worker(store)
    for name, state in ((STUDY, "done"), (NEARLY, "failed"), (f"{STUDY[:110]} now", "running")):
        writer.queue_study(store, _config(name), {"pool": pool}, {})
        while claim := writer.claim_run(store, me, lease_s=3600):
            strategy = claim.config.strategy.name
            stops = {"done": None, "failed": 6, "running": 8}[state] if strategy == "apl" else None
            for event in _events(data, strategy)[:stops]:
                writer.save_event(store, claim, event)
            if stops is None:
                writer.set_state(store, claim.run_id, "done")
            elif state == "failed":
                writer.set_state(store, claim.run_id, "failed", error=ERROR)
            else:
                writer.heartbeat(store, me, claim.run_id, WORD, lease_s=3600)
    first = next(s for s in queries.studies(store) if s.name == STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", vectors)
        ask(store, Projection(study_id=first.id))
        ToolsWorker(store).work(until_idle=True)
    roles.write_guideline(store, first.id, f"{HTML} {MARKDOWN} {DIRECTIVES}")
    return store


def _config(name: str) -> StudyConfig:
    plain = worlds.config("x", (1,), 2, ("random", "activedpo", "apl")).model_dump(mode="json")
    held_out = {SETS[0]: "a.jsonl", SETS[1]: "b.jsonl"}
    model = {**plain["model"], "path": f"/models/{MARKDOWN}"}
    return StudyConfig.from_dict(
        {**plain, "name": name, "data": {"pool": f"/tmp/{FILE}", "held_out": held_out}, "model": model}
    )


def _events(data: PreferenceData, strategy: str) -> list[Event]:
    """The world's events, on the hostile held-out sets, with scores, and every text picked in some round."""
    pairs, found = list(data.pairs), []
    scores = rng_for(1, None, f"scores:{strategy}").normal(0, 1, len(pairs))
    every = pairs[:: len(pairs) // len(TEXTS)][: len(TEXTS)]
    for event in worlds.events(data, strategy, 1, 2):
        if isinstance(event, Evaluated):
            named = {"pool_like": SETS[0], "balanced": SETS[1]}
            event = replace(event, metrics=tuple(replace(m, split=named.get(m.split, m.split)) for m in event.metrics))
        warm_up = getattr(event, "round", 0) == 1
        chosen = every[::2] if warm_up else every[1::2]
        if isinstance(event, Scored) and not warm_up and strategy != "random":
            event = replace(event, scores=scores)
        if isinstance(event, Picked):
            plain = warm_up or strategy == "random"
            why: dict[str, float | str] = {} if plain else {f"<b>why</b> :smile: {MARKDOWN[:20]}": HTML}
            event = replace(
                event,
                picks=tuple(
                    Pick(pair, n, score=None if plain else float(scores[pairs.index(pair)]), why=why)
                    for n, pair in enumerate(chosen, start=1)
                ),
            )
        if isinstance(event, Labelled):
            event = replace(event, labels=tuple(Label(pair, "ab"[n % 2], "recorded") for n, pair in enumerate(chosen)))
        found.append(event)
    return found


def flat(text: str) -> str:
    """Without the blanks, which a browser folds, and the signs that it does not show."""
    return "".join(c for c in text if c.isprintable() and not c.isspace())
