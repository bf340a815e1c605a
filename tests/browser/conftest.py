"""The app on a free port over a small finished study, and a tab of a real Chromium that notes foreign requests."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workbench import worlds

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SHOWN = """() => [document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state') ?? 'unknown',
                 document.body.innerText]"""
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    if not Path(CHROMIUM).exists():
        sentence = "There is no Chromium here, so the journeys are not walked. To install it: apt-get install chromium."
        if os.environ.get("WORKBENCH_REQUIRE_BROWSER") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app_folder(tmp_path_factory) -> Path:
    """The store of a finished study."""
    return worlds.finished(tmp_path_factory.mktemp("store")).folder


@pytest.fixture(scope="session")
def app_url(app_folder) -> Iterator[str]:
    """The address of the app over it."""
    with served(app_folder) as url:
        yield url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pytest_collection_modifyitems(items):
    """Only where it is asked for, as CI does: a test of the browser that fails is walked once more."""
    if os.environ.get("WORKBENCH_WALK_AGAIN") == "1":
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))


@contextmanager
def served(folder: Path, *options: str, port: int = 0) -> Iterator[str]:
    """The app over a store, on a free port, with these options of its server; the process ends with the block."""
    port = port or free_port()
    log = (folder / "app.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.serve", f"--server.port={port}", *options],
        cwd=ROOT,
        env={**os.environ, "WORKBENCH_STORE": str(folder)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait(process, port, folder / "app.log")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    for _ in range(900):
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"The app did not start:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What a failed test's tab showed stands beside its trace."""
    report = yield
    tab = getattr(item, "funcargs", {}).get("page")
    if report.failed and call.when == "call" and tab is not None and not tab.is_closed():
        state, words = tab.evaluate(SHOWN)
        report.sections.append((f"The tab, {tab.url}, script {state}", words[:4_000]))
    return report


@pytest.fixture
def page(chromium) -> Iterator:
    """A tab. At its end: no request has left this machine, and no script of a text has run."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    tab = context.new_page()
    foreign, alerts = [], []
    ours = ("http://localhost:", "ws://localhost:", "data:", "blob:")
    tab.on("request", lambda request: None if request.url.startswith(ours) else foreign.append(request.url))
    tab.on("websocket", lambda socket: None if socket.url.startswith(ours) else foreign.append(socket.url))
    tab.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    yield tab
    context.close()
    assert not foreign
    assert not alerts
