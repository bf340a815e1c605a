"""Pictures of every component's states: `python -m tests.workbench.gallery FOLDER`, light and dark, to be looked at.

Pages are seen in Chromium over the stores of `state_stores`, at their whole length, once for all components that show
the same; then come views that no row of `states` asks for, and those of `test_panels`. `index.txt` says what is on each
picture, and which pages scroll sideways. Options: `--scheme dark`, `--width 720`, `--only map`.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Error, Page, sync_playwright

from engine.store.database import Store
from tests.browser.conftest import ARGUMENTS, CHROMIUM, served
from tests.browser.test_panels import PANELS, store_in
from tests.workbench.state_stores import filled, state_stores
from tests.workbench.states import EMPTY_OVER
from tests.workbench.test_states import WHERE

HIGH, HIGHEST = 800, 6000
CALM = "!document.querySelector('[data-testid=stApp][data-test-script-state=running]')"
WHOLE = "Math.max(...[...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollHeight))"
SIDEWAYS = "(e => e.scrollWidth - e.clientWidth > 1)(document.querySelector('[data-testid=stMain]'))"
MORE: dict[str, tuple[tuple[str, dict[str, str], str], ...]] = {
    "finished": (
        *(("explore", {"chart": chart}, "") for chart in ("ECDF", "rounds")),
        ("explore", {"counts": "log count", "also": "APL", "agreement": "ranks"}, ""),
        *(("map", {"colour": colour}, "") for colour in ("strategy", "round", "score")),
        *(("map", {"points": points}, "") for points in ("responses", "segments")),
        ("batch", {"view": "cards", "strategy": "ActiveDPO"}, ""),
        ("batch", {"view": "table", "strategy": "ActiveDPO"}, ""),
        ("help", {}, ""),
        ("help", {"chapter": "strategies"}, ""),
        ("help", {"chapter": "metrics"}, ""),
        ("curves", {"along": "cost"}, ""),
    ),
}  # fmt: skip
"""State → page, query and button of views beside those of the table."""


@dataclass(frozen=True)
class View:
    """A page over the store of a state, and the components whose row it is."""

    state: str
    page: str
    query: tuple[tuple[str, str], ...]
    press: str
    shows: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its picture."""
        said = "-".join([self.page, self.state, *(f"{k}={v}" for k, v in self.query), self.press.lower()])
        return "".join(c if c.isalnum() or c in "-=" else "_" for c in said).strip("-_")[:110]


def views(stores: dict[str, Store], known: dict[str, str]) -> Iterator[View]:
    """Every view once, with all components that it is for; `known` fills the links of the panels."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for component, rows in WHERE.items():
        for state, row in rows.items():
            over = EMPTY_OVER.get(component, state) if state == "empty" else state
            query = tuple(sorted(filled(row.query, stores[over]).items()))
            found.setdefault((over, row.page, query, row.press), []).append(component)
    for over, more in MORE.items():
        for page, asked, press in more:
            found.setdefault((over, page, tuple(sorted(asked.items())), press), []).append("more")
    for panel, (page, asked, _) in PANELS.items():
        query = tuple(sorted((name, value.format(**known)) for name, value in asked.items()))
        found.setdefault(("panels", page or "studies", query, ""), []).append(panel)
    for (over, page, query, press), shows in found.items():
        yield View(over, page, query, press, tuple(shows))


def picture(tab: Page, url: str, view: View, folder: Path, width: int) -> str:
    """Take it at its whole length; its line of the index."""
    path = "" if view.page == "studies" else view.page.replace("_", "-")
    tab.set_viewport_size({"width": width, "height": HIGH})
    tab.goto(f"{url}/{path}?{urlencode(dict(view.query))}")
    tab.locator("[data-testid=stMain] .pw h1").first.wait_for(timeout=60_000)
    _rest(tab)
    if view.press:
        if view.page == "studies":
            tab.get_by_role("button", name="Start a study").first.click()
        tab.get_by_role("button", name=view.press).first.click()
        _rest(tab)
    wide = tab.evaluate(SIDEWAYS)
    tab.set_viewport_size({"width": width, "height": min(max(tab.evaluate(WHOLE), HIGH), HIGHEST)})
    _rest(tab)
    tab.screenshot(path=folder / f"{view.name}.png")
    return f"{view.name}.png: {', '.join(view.shows)}{' · SCROLLS SIDEWAYS' if wide else ''}"


def _rest(tab: Page) -> None:
    tab.wait_for_function(CALM)
    tab.wait_for_timeout(900)  # charts and tables are drawn a moment after their words; this is a picture, no proof
    tab.wait_for_function(CALM)


def main() -> None:
    """Make the stores, start an app over each, take the pictures."""
    asked = argparse.ArgumentParser(prog="python -m tests.workbench.gallery")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--scheme", choices=("light", "dark"), action="append")
    asked.add_argument("--width", type=int, default=1280)
    asked.add_argument("--only", default="", help="a word of the pictures' names")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as play:
        stores = state_stores(Path(temporary))
        stores["panels"], known = store_in(Path(temporary) / "panels")
        wanted = [view for view in views(stores, known) if given.only in view.name]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for state in dict.fromkeys(view.state for view in wanted):
            with ExitStack() as stack:
                url = stack.enter_context(served(stores[state].folder))
                for scheme in given.scheme or ("light", "dark"):
                    folder = given.folder / f"{scheme}-{given.width}"
                    folder.mkdir(parents=True, exist_ok=True)
                    tab = browser.new_context(color_scheme=scheme).new_page()
                    with (folder / "index.txt").open("a", encoding="utf-8") as index:
                        for view in (one for one in wanted if one.state == state):
                            try:
                                line = picture(tab, url, view, folder, given.width)
                            except Error as error:  # the others are taken all the same
                                line = f"{view.name}: NOT TAKEN, {str(error).splitlines()[0]}"
                            print(line, file=index)
                            print(line, flush=True)
                    tab.context.close()
        browser.close()


if __name__ == "__main__":
    main()
