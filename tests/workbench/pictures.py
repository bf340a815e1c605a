"""The README's pictures: `python -m tests.workbench.pictures`, a page each, of the real app over a real store.

It runs the sample study cut down to some minutes, with Studies taken while it runs, and a campaign on the same pool
that waits for its labels; with `--store DIR` it looks at a store that such a call has left. Nothing on the pictures is
made up; so short a study shows nothing about its strategies. They go to `.github/pictures`, small: 1,280 × 800 points
in at most 256 colours.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from engine.running import end_all, start_device
from engine.store import inbox, queries, roles
from engine.store.database import Store, open_store
from engine.store.summaries import StudySummary
from engine.tasks.base import ask, asked
from engine.tasks.projection import Projection
from tests.browser.conftest import ARGUMENTS, CHROMIUM, served
from workbench.processes import start_tools

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data"
PICTURES = ROOT / ".github" / "pictures"
STUDY, CAMPAIGN = "How-to world, cut short", "How-to world, labelled by people"
CALM = "!document.querySelector('[data-testid=stApp][data-test-script-state=running]')"
SIZE = {"width": 1280, "height": 800}
SHOWN = 960
"""Points a picture is wide once it is made small."""
SHORT: dict[str, Any] = {
    "name": STUDY, "strategies": ["random", "activedpo", "real"], "rounds": 3, "labels_per_round": 30,
    "prompts_per_round": 96, "panel": ["reward_margin"],
    "evaluation": {"pairs_per_set": 120, "probe": 48, "generate": "last", "prompts": 16, "kl_prompts": 8,
                   "max_new_tokens": 40},
}  # fmt: skip
PEOPLE: dict[str, Any] = {
    **SHORT, "name": CAMPAIGN, "strategies": ["real", "random"], "seeds": [1], "rounds": 1, "labels_per_round": 20,
    "evaluation": {"pairs_per_set": 40, "generate": "never"},
    "oracle": {"name": "people", "held_out_pairs": 0, "audit_share": 0.0},
}  # fmt: skip
GUIDELINE = """Prefer the answer that you would rather get.

1. Would following it work, and do no harm?
2. Does it answer this question, all of it?
3. Is it easy to follow?

Longer is not better. Tie if you would be glad of either; both bad if you would be glad of neither."""
PAGES: dict[str, dict[str, str]] = {
    "studies": {"study": STUDY},
    "data": {"study": STUDY},
    "explore": {"study": STUDY, "strategy": "ActiveDPO"},
    "dry-run": {"study": STUDY},
    "map": {"study": STUDY, "strategy": "ActiveDPO"},
    "batch": {"study": STUDY, "strategy": "ActiveDPO", "explain": "true"},
    "label": {"study": CAMPAIGN},
    "guideline": {"study": CAMPAIGN},
    "label-quality": {"study": STUDY},
    "curves": {"study": STUDY},
    "export": {"study": STUDY},
    "help": {"chapter": "strategies"},
}
"""Page as the link has it → what of the store it shows."""
WORK = {
    "dry-run": ("Score the pool", "Where picks agree"),
    "batch": ("", "nats, log-ratio"),
    "export": ("Check and pack", "Counts add up"),
}
"""Page → the button that asks a worker for what it shows, "" for none, and words that stand there once it answered."""
MIDWAY = 12
"""Rounds that are done when the page Studies is taken."""


def workbench(folder: Path, *words: str) -> None:
    """A command of the workbench on the store; its own words are above where it fails."""
    command = [sys.executable, "-m", "workbench", *words, "--store", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "TOKENIZERS_PARALLELISM": "false"})


def study_file(path: Path, changes: Mapping[str, Any]) -> str:
    """The sample's study file with these changes."""
    whole = yaml.safe_load((SAMPLE / "study.yaml").read_text(encoding="utf-8"))
    held_out = {name: str(SAMPLE / file) for name, file in whole["data"]["held_out"].items()}
    whole["data"] = {"pool": str(SAMPLE / whole["data"]["pool"]), "held_out": held_out}
    whole["model"]["path"] = str(SAMPLE / whole["model"]["path"])
    path.write_text(yaml.safe_dump({**whole, **changes}), encoding="utf-8")
    return str(path)


def until(store: Store, study: str, there: Callable[[StudySummary], bool]) -> None:
    """Wait for a study to come so far; a RuntimeError if it fails."""
    while not there(summary := queries.study(store, study).summary):
        if summary.state == "failed":
            raise RuntimeError(f"{study}: {summary.error}")
        time.sleep(0.5)


def fill(store: Store, midway: Callable[[], None]) -> None:
    """The study, its map, and the campaign that waits for labels; `midway` is called while the study runs."""
    folder = store.folder
    workbench(folder, "study", "run", study_file(folder.parent / "short.yaml", SHORT), "--detach")
    until(store, STUDY, lambda study: study.rounds_done >= MIDWAY)
    midway()
    until(store, STUDY, lambda study: study.state == "done")
    workbench(folder, "study", "run", study_file(folder.parent / "people.yaml", PEOPLE), "--detach")
    task = Projection(study_id=queries.study(store, STUDY).summary.id)
    ask(store, task)
    while (found := asked(store, task)) is None or found.answer is None:
        time.sleep(0.5)
    until(store, CAMPAIGN, lambda study: study.state == "waiting")
    roles.write_guideline(store, queries.study(store, CAMPAIGN).summary.id, GUIDELINE)


@contextmanager
def crew(store: Store) -> Iterator[None]:
    """A worker for runs and one for pages, as beside the real app; it begins when both have said a word."""
    workers = [start_device(store.folder, "cpu", 1), start_tools(store.folder)]
    try:
        while {one.kind for one in queries.workers(store) if one.alive} != {"device", "tools"}:
            time.sleep(1)
        yield
    finally:
        end_all(workers)


def rest(tab: Page) -> None:
    """Until nothing is drawn any more."""
    tab.wait_for_function(CALM)
    tab.wait_for_timeout(2_500)  # charts are drawn a moment after their words; this is a picture, no proof
    tab.wait_for_function(CALM)


def small(taken: bytes) -> Image.Image:
    """In fewer points and colours."""
    image = Image.open(BytesIO(taken)).convert("RGB")
    return image.resize((SHOWN, image.height * SHOWN // image.width), Image.Resampling.LANCZOS).quantize(256, kmeans=2)


def take(tab: Page, url: str, page: str) -> None:
    """The picture of a page, once what it shows is there."""
    tab.goto(f"{url}/{'' if page == 'studies' else page}?{urlencode(PAGES[page])}")
    tab.locator("[data-testid=stMain] .pw h1").first.wait_for()
    rest(tab)
    if page in WORK:
        button, words = WORK[page]
        if button and (found := tab.get_by_role("button", name=button, exact=True)).count():
            found.click()
        tab.get_by_text(words).first.wait_for()
        tab.wait_for_function("!/ waits for the .*worker| is being /.test(document.body.innerText)")
        rest(tab)
    path = PICTURES / f"{page}.png"
    small(tab.screenshot()).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes", flush=True)


def main() -> None:
    """Make the store if none is named, and take the pictures."""
    wanted = argparse.ArgumentParser(prog="python -m tests.workbench.pictures")
    wanted.add_argument("--store", type=Path, help="a store that an earlier call has left; else one is made and kept")
    wanted.add_argument("--only", default="", help="a word of a page's name")
    given = wanted.parse_args()
    folder = given.store or Path(tempfile.mkdtemp(prefix="workbench-pictures-")) / "store"
    PICTURES.mkdir(parents=True, exist_ok=True)
    store = open_store(folder)
    inbox.tour_seen(store)
    with sync_playwright() as play, ExitStack() as stack:
        stack.enter_context(crew(store))
        url = stack.enter_context(served(folder))
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        tab = browser.new_context(color_scheme="light", viewport=SIZE).new_page()
        tab.set_default_timeout(240_000)
        pages = [page for page in PAGES if given.only in page]
        if given.store is None:
            print(f"The store is {folder}", flush=True)
            fill(store, lambda: take(tab, url, "studies"))
            pages.remove("studies")
        for page in pages:
            take(tab, url, page)
        browser.close()


if __name__ == "__main__":
    main()
