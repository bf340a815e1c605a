"""Are Explore and Map quick with a large pool? The real app in Chromium, over a made store of 100,000 pairs.

`--pairs N` makes another number of pairs: 2,000 to try the script, 1,000,000 to see that memory stays bounded. Times
are the browser's own, from the start of a navigation or the press of a button to the frame in which it shows; bytes are
those of the messages that carry a figure; memory is the app's process alone. A limit that is missed is said in the line
and fails nothing.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.bench._made_store import ROUNDS, made_store
from tests.bench._visitors import together

PAIRS = 100_000
VISITORS = 10
PAINT_S, ACT_S, FIGURE_BYTES, VISITOR_MB, CROWD_S = 3.0, 0.6, 2.5e6, 200.0, 4.0
WAIT_MS = 180_000
PAINTED = """() => {
  const look = () => {
    const app = document.querySelector('[data-testid=stApp]');
    const state = app && app.getAttribute('data-test-script-state');
    const plot = document.querySelector('[data-testid=stMain] .js-plotly-plot .main-svg');
    if (plot && window.__painted === undefined) window.__painted = performance.now();
    if (plot && state === 'notRunning' && window.__rest === undefined) window.__rest = performance.now();
    if (window.__rest === undefined) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
ACT = """([words, button]) => new Promise(done => {
  const main = document.querySelector('[data-testid=stMain]'), start = performance.now();
  const look = () => main.innerText.includes(words) ? done(performance.now() - start) : requestAnimationFrame(look);
  if (button) [...main.querySelectorAll('button')].find(b => b.innerText.trim() === button).click();
  requestAnimationFrame(look);
})"""


def measure() -> list[str]:
    pairs = int(os.environ.get("BENCH_PAIRS", PAIRS))
    try:
        from playwright.sync_api import sync_playwright

        from tests.browser.conftest import ARGUMENTS, CHROMIUM
    except ImportError:
        return ["skipped: playwright is not installed"]
    if not Path(CHROMIUM).exists():
        return ["skipped: there is no Chromium here"]
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        folder = os.environ.get("BENCH_STORE", scratch)
        if not any(Path(folder).iterdir()):
            made_store(Path(folder), pairs)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        lines = [
            f"{pairs:,} pairs, 2 strategies, 3 rounds, {size / 1e6:,.0f} MB, made in {time.perf_counter() - began:.0f} "
            f"s; priority {os.nice(0)}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        ]
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for name, acts in (("explore", _on_explore), ("map", _on_map)):
                lines += _of_page(browser, Path(folder), name, acts)
            lines += _crowd(browser, Path(folder))
            browser.close()
    return lines


def _of_page(browser: Any, folder: Path, name: str, acts: Callable[[Any], dict[str, float]]) -> list[str]:
    """The first visit to a fresh app, the second, what a reader does, and the bytes of every figure."""
    with _app(folder) as (url, app):
        bare = _mb(app)
        with _visit(browser, f"{url}/{name}") as (tab, figures):
            cold, rest = _times(tab)
            sizes = sorted(figures, reverse=True)
            try:
                done = acts(tab)
            except Exception as error:  # noqa: BLE001  # of a page that is built anew the rest is still measured
                done = {f"FAILED: {str(error).splitlines()[0]}": float("nan")}
            after = _mb(app)
        with _visit(browser, f"{url}/{name}") as (tab, _):
            warm, warm_rest = _times(tab)
        peak = _peak_mb(app)
    figure = max(sizes, default=0.0)
    return [
        f"{name}: first paint {_s(cold, PAINT_S)} in a fresh app (at rest {rest:.2f} s), "
        f"{_s(warm, PAINT_S)} for the second visitor (at rest {warm_rest:.2f} s)",
        *(f"{name}: {what} {_s(seconds, ACT_S)}" for what, seconds in done.items()),
        f"{name}: {len(sizes)} figures, the largest {figure / 1e6:.3f} MB ({_limit(figure <= FIGURE_BYTES, '2.5 MB')})",
        f"{name}: the app's memory {bare:.0f} MB before, {after:.0f} MB after one visitor has looked and clicked, "
        f"{peak:.0f} MB at most with the second",
    ]


def _on_explore(tab: Any) -> dict[str, float]:
    found = {"histogram to ECDF": _act(tab, "share of pairs has at most", "ECDF")}
    found["a range that is dragged over to its pairs"] = _drag(tab, [(0.35, 0.5), (0.55, 0.5)], "Scored by ActiveDPO")
    found["ECDF to rounds"] = _act(tab, "Scores of 3 rounds", "rounds")
    found["a round back, until the page is at rest"] = _round_back(tab)
    return found


def _on_map(tab: Any) -> dict[str, float]:
    lasso = [(0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6), (0.3, 0.3)]
    tab.evaluate("""() => { const p = document.querySelector('[data-testid=stMain] .js-plotly-plot');
                           const b = p.querySelector('[data-val=lasso]'); if (b) b.click(); }""")
    found = {"a lasso to its pairs": _drag(tab, lasso, "Chosen on the map")}
    return found | {"a round back, until the page is at rest": _round_back(tab)}


def _act(tab: Any, words: str, button: str = "") -> float:
    seconds = tab.evaluate(ACT, [words, button]) / 1000
    _at_rest(tab)
    return float(seconds)


def _round_back(tab: Any) -> float:
    """The slider over rounds, moved by a key."""
    tab.locator("[data-testid=stSidebar]").get_by_role("slider").focus()
    start = time.perf_counter()
    tab.keyboard.press("ArrowLeft")
    tab.locator(".stamp", has_text=f"round {ROUNDS - 1}").wait_for(timeout=WAIT_MS)
    _at_rest(tab)
    return time.perf_counter() - start


def _drag(tab: Any, corners: list[tuple[float, float]], words: str) -> float:
    """A drag over the first figure, corners as shares of it; the clock starts when the button is let go."""
    figure = tab.locator("[data-testid=stMain] .js-plotly-plot .nsewdrag").first
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    tab.mouse.move(*at[0])
    tab.mouse.down()
    for x, y in at[1:]:
        tab.mouse.move(x, y, steps=6)
    start = time.perf_counter()
    tab.mouse.up()
    tab.locator("[data-testid=stMain]").get_by_text(words).first.wait_for(timeout=20_000)
    seconds = time.perf_counter() - start
    _at_rest(tab)
    return seconds


def _crowd(browser: Any, folder: Path) -> list[str]:
    """Ten visitors at once, half of them on each page; and what each adds to the app's memory."""
    with _app(folder) as (url, app):
        for name in ("explore", "map"):
            with _visit(browser, f"{url}/{name}") as (tab, _):
                _times(tab)
        with _visit(browser, f"{url}/explore") as (first, _):
            shown = _times(first)[0]
            alone = together(url, ["explore"])[0]
            served = sorted(together(url, [("explore", "map")[n % 2] for n in range(VISITORS)]))
            one = _mb(app)
            contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in range(VISITORS)]
            tabs = [context.new_page() for context in contexts]
            for n, tab in enumerate(tabs):
                tab.add_init_script(f"({PAINTED})()")
                tab.goto(f"{url}/{('explore', 'map')[n % 2]}", wait_until="commit")
            painted = sorted(_times(tab)[0] for tab in tabs)
            each = (_mb(app) - one) / VISITORS
            for context in contexts:
                context.close()
    own = max(0.0, shown - alone)
    return [
        f"{VISITORS} visitors at once, each with a machine of its own: the app's part median "
        f"{served[len(served) // 2]:.2f} s, the last {served[-1]:.2f} s, {alone:.2f} s for one alone; with the "
        f"{own:.2f} s that one browser takes beside it, the last paints after {_s(served[-1] + own, CROWD_S)}",
        f"{VISITORS} visitors at once, all in one browser on the app's two cores: first paint median "
        f"{painted[len(painted) // 2]:.2f} s, the last {painted[-1]:.2f} s",
        f"a visitor more takes {each:.0f} MB of the app's memory ({_limit(each < VISITOR_MB, '200 MB')}; "
        f"{one:.0f} MB with one, {one + VISITORS * each:.0f} MB with {VISITORS + 1})",
    ]


@contextmanager
def _visit(browser: Any, url: str) -> Iterator[tuple[Any, list[float]]]:
    """A new visitor's tab, and the bytes of each figure that it is sent."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    figures: list[float] = []

    def received(payload: Any) -> None:
        if isinstance(payload, bytes):
            message = ForwardMsg.FromString(payload)
            if message.delta.new_element.WhichOneof("type") == "plotly_chart":
                figures.append(float(len(payload)))

    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    tab.on("websocket", lambda socket: socket.on("framereceived", received))
    tab.add_init_script(f"({PAINTED})()")
    tab.goto(url, wait_until="commit")
    try:
        yield tab, figures
    finally:
        context.close()


def _times(tab: Any) -> tuple[float, float]:
    """Seconds from the start of the navigation to the first figure, and to the page at rest."""
    tab.wait_for_function("window.__rest !== undefined", timeout=WAIT_MS)
    first, rest = tab.evaluate("[window.__painted, window.__rest]")
    return first / 1000, rest / 1000


def _at_rest(tab: Any) -> None:
    tab.wait_for_function("document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]') !== null")


@contextmanager
def _app(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A fresh app over the store, its modules loaded by nobody yet; and its process."""
    from tests.browser.conftest import served

    before = {child.pid for child in psutil.Process().children()}
    with served(folder) as url:
        app = next(
            child
            for child in psutil.Process().children()
            if child.pid not in before and "workbench.serve" in " ".join(child.cmdline())
        )
        yield url, app


def _mb(app: psutil.Process) -> float:
    return float(app.memory_info().rss / 1e6)


def _peak_mb(app: psutil.Process) -> float:
    """The most that the process has held so far; NaN where the system does not say."""
    status = Path(f"/proc/{app.pid}/status")
    lines = status.read_text(encoding="ascii", errors="replace").splitlines() if status.is_file() else []
    return next((float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), float("nan"))


def _s(seconds: float, limit: float) -> str:
    return f"{seconds:.2f} s ({_limit(seconds < limit, f'{limit:g} s')})"


def _limit(reached: bool, limit: str) -> str:
    return f"limit {limit}: {'reached' if reached else 'NOT reached'}"
