"""Starts and ends the processes: the app (Streamlit), and beside it the workers, started again when they die."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TextIO

from engine.errors import EngineError, StoreError
from engine.running import devices, end_all, environment, start_device, work
from engine.store import queries, roles
from engine.store.claims import release
from engine.store.database import Store, open_store
from workbench.disk_words import said, too_much

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ("localhost", "127.0.0.1", "::1")
"""Hosts that no other machine can reach."""
STEADY_S = 20.0
"""An app that ends sooner has a fault that starting it again would not mend."""
SAMPLE = ROOT / "sample_data" / "study.yaml"


def start_tools(folder: Path) -> subprocess.Popen[bytes]:
    """The worker that does what pages ask for; one thread, so that it takes little from a run beside it."""
    command = [sys.executable, "-m", "workbench", "worker", "--tools", "--store", str(folder)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(command, env={**environment(folder), **threads}, start_new_session=True)


@dataclass
class _Place:
    """A worker's place in the crew: empty, or held by a process that was started here."""

    kind: str
    start: Callable[[Path], subprocess.Popen[bytes]]
    device: str = ""
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    not_before: float = 0.0


class Crew:
    """The workers beside the app: started where none of their kind lives, started again when they die.

    A worker that was killed cannot say so: what it held is freed at once instead of when its lease ends.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        there = devices()
        self._places = [
            *(_Place("device", partial(start_device, device=name, among=len(there)), name) for name in there),
            _Place("tools", start_tools),
        ]

    def tend(self) -> None:
        """Look after all; to be called every second or so. Trouble is told, and it is tried again next time."""
        try:
            self._tend()
        except (EngineError, OSError) as error:
            print(f"The workers could not be looked after: {error}", file=sys.stderr, flush=True)

    def _tend(self) -> None:
        empty = any(place.process is None and not place.deaths for place in self._places)
        lives = {(w.kind, w.device) for w in queries.workers(self.store) if w.alive} if empty else set()
        for place in self._places:
            if place.process is not None and place.process.poll() is not None:
                self._bury(place, place.process)
            here_before = place.deaths > 0
            if (
                place.process is None
                and time.monotonic() >= place.not_before
                and (here_before or not any(_same(place, kind, device) for kind, device in lives))
            ):
                place.process = place.start(self.store.folder)

    def end(self) -> None:
        """End those that were started here; what they have in hand goes back to the queue."""
        end_all([place.process for place in self._places if place.process is not None])

    def _bury(self, place: _Place, process: subprocess.Popen[bytes]) -> None:
        release(self.store, process.pid, socket.gethostname())
        place.process, place.deaths = None, place.deaths + 1
        place.not_before = time.monotonic() + min(60.0, 2.0**place.deaths)
        print(f"A {place.kind} worker ended with code {process.returncode}; another takes over.", file=sys.stderr)


def _same(place: _Place, kind: str, device: str) -> bool:
    """Whether a worker elsewhere does what this place is for: the same GPU, or where none is named any device."""
    return place.kind == kind and (not place.device.startswith("cuda:") or device in (place.device, "auto", "cuda"))


def run_to_the_end(store: Store, study_id: str) -> None:
    """Run the study here to its end, or to where people are waited for, saying now and then where it is.

    Where a worker answers already, an app's, that one runs it and this watches: two would share one device's memory.
    Ctrl-C ends the watching, and the workers that were started here.
    """
    from engine.api.study import OVER

    tell = _teller(store)
    if _is_here(store):
        print("A worker is here already and runs it; Ctrl-C ends the watching only.", file=sys.stderr, flush=True)
    while _is_here(store) and queries.study(store, study_id).summary.state not in OVER:
        tell()
        time.sleep(0.5)
    if queries.study(store, study_id).summary.state not in OVER:
        work(store.folder, tell)


def _is_here(store: Store) -> bool:
    return any(worker.alive and worker.kind == "device" for worker in queries.workers(store))


def run_worker_until_idle(folder: Path) -> None:
    """Run workers here until nothing is left to do, saying now and then where they are. Ctrl-C stops them."""
    work(folder, _teller(open_store(folder)))


def _teller(store: Store) -> Callable[[], None]:
    """A function that says on the terminal what is at work, where that has changed."""
    last = [""]

    def tell() -> None:
        doing = next((s.now for s in queries.studies(store) if s.state == "running" and s.now), "")
        if doing and doing != last[0] and "step" not in doing:
            print(doing, file=sys.stderr, flush=True)
            last[0] = doing

    return tell


def run_app(folder: Path, port: int, sample: bool, host: str = "localhost", as_json: bool = False) -> int:
    """The app on `host`, and its crew: workers for runs and one for tasks, ended when the app is told to end.

    A terminal that is closed, or an app that is killed, ends no worker: the next app finds them at work. `as_json`: on
    standard output stands one line of JSON, the address.
    """
    refuse_taken(port)
    store = open_store(folder)
    refuse_open(store, host)
    if sample:
        queue_sample(store, sys.stderr if as_json else sys.stdout)
    command = [sys.executable, "-m", "workbench.serve"]
    options = [f"--server.port={port}", f"--server.address={host}", "--server.headless=true"]
    options += ["--browser.gatherUsageStats=false", "--server.fileWatcherType=none"]
    crew = Crew(store)
    app, began = None, 0.0
    url = f"http://{host}:{port}"
    words = (
        json.dumps({"url": url, "store": str(folder)}) if as_json else f"The workbench is at {url}  (Ctrl-C ends it)"
    )
    print(words, flush=True)
    out = sys.stderr if as_json else None

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        while True:
            if app is None or app.poll() is not None:
                if app is not None and time.monotonic() - began < STEADY_S:
                    return app.returncode  # it cannot even start: its own words are above
                if app is not None:
                    print(f"The app ended with code {app.returncode}; it is started again.", file=sys.stderr)
                app, began = (
                    subprocess.Popen([*command, *options], env=environment(folder), cwd=ROOT, stdout=out),
                    time.monotonic(),
                )
            crew.tend()
            time.sleep(1)
    except KeyboardInterrupt:
        return 0
    finally:
        end_all([app] if app is not None else [])
        crew.end()


def queue_sample(store: Store, out: TextIO) -> None:
    """On a first start, the sample study, so that a newcomer sees one run."""
    if queries.studies(store) or not SAMPLE.is_file():
        return
    from engine.config import StudyConfig
    from engine.data.prepare import Plan, prepare_study

    def tell(plan: Plan) -> None:
        sentences = ("The sample study is queued.", said(plan.disk, plan.room), too_much(plan.disk, plan.room))
        print("\n".join(filter(None, sentences)), file=out, flush=True)

    prepare_study(store, StudyConfig.from_yaml(SAMPLE), tell)


def refuse_open(store: Store, host: str) -> None:
    """StoreError if other machines could reach the app and no lead has a link: then everybody must have a token."""
    if host in LOCAL or roles.lead_invited(store):
        return
    raise StoreError(
        f"On {host} other machines can reach the app, so it opens by personal links only, and no lead has one yet.",
        "Make one first: workbench label invite NAME --role lead. Or leave --host out.",
    )


def refuse_taken(port: int) -> None:
    """EngineError if something listens on the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise EngineError(
                f"Port {port} on localhost is taken.",
                f"End the other program, or take another: make run PORT={port + 1} (workbench app --port {port + 1}).",
            ) from error
