"""A demanding labeller in a real browser: long texts by keyboard, the note, two tabs, a closed link, a lost server."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.store import roles
from engine.store import schema as s
from engine.store.assignments import Said, answer, claim_next
from engine.store.database import Store
from tests.browser.conftest import free_port, served
from tests.browser.desk import at_desk, press, until, wait_for
from tests.browser.tab import violations
from tests.engine.store.campaign_world import campaign, labels

pytestmark = pytest.mark.browser
LONG = "\n\n".join(f"Paragraph {n}. It has a few words, as paragraphs have." for n in range(80))
TOP = "[...document.querySelectorAll('.desk .side')].map(e => Math.round(e.scrollTop))"
WRITING = "['INPUT', 'TEXTAREA'].includes(document.activeElement.tagName)"


def long_texts(store: Store) -> None:
    with store.write() as connection:
        connection.execute(s.responses.update().values(text=sa.literal(LONG) + s.responses.c.id))
        connection.execute(s.prompts.update().values(messages=[["user", LONG]]))


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Store, str]:
    store, study_id, _ = campaign(tmp_path / "store", batch=6, ask_strength=True, ask_note=True)
    return store, study_id


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 800), (1280, 720)])
def test_keys_and_legend_are_in_sight_however_long_the_texts(desk, page, width, height):
    store, _ = desk
    long_texts(store)
    page.set_viewport_size({"width": width, "height": height})
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 6 answered")
        page.wait_for_timeout(800)
        for words in ("A is better", "B is better", "Both bad", "Undo", "Later", "By far", "Mark differences"):
            box = page.get_by_role("button", name=words).bounding_box()
            assert box["y"] + box["height"] <= height, words
        legend = page.get_by_text("stands on no button", exact=False).or_(page.get_by_text("The grey letter")).first
        box = legend.bounding_box()
        assert box["y"] + box["height"] <= height, "the legend, too"
        first, second = (side.bounding_box() for side in page.locator(".desk .side").all())
        assert (first["y"], first["height"]) == (second["y"], second["height"]), "A and B stand side by side"
        assert first["height"] > 150, "and have room"


def test_long_texts_scroll_by_key_and_the_note_takes_the_cursor_and_gives_it_back(desk, page):
    store, _ = desk
    long_texts(store)
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 6 answered")
        press(page, "ArrowDown")
        press(page, "PageDown")
        page.wait_for_timeout(500)
        both = page.evaluate(TOP)
        assert both[0] == both[1] > 100, "both texts at once, line by line with each other"
        prompt = "document.querySelector('.desk .talk').scrollTop"
        assert page.evaluate(prompt) == 0
        press(page, "Shift+ArrowDown")
        page.wait_for_timeout(500)
        assert page.evaluate(prompt) > 0
        assert page.evaluate(TOP) == both

        press(page, "n")
        assert page.evaluate(WRITING)
        page.keyboard.type("1 is short, 2 is not")
        page.wait_for_timeout(400)
        assert labels(store) == [], "what is written answers nothing"
        page.keyboard.press("Enter")
        assert not page.evaluate(WRITING)
        press(page, "g", 0.6)
        press(page, "1", 0.6)
        until(lambda: len(labels(store)) == 1)
        (row,) = labels(store)
        assert (row.answer, row.note, row.strength) == (row.side_shown_first, "1 is short, 2 is not", 2.0)
        wait_for(page, "1 of 6 answered")
        page.wait_for_timeout(500)
        assert page.evaluate(TOP) == [0, 0], "the next pair stands at its beginning"


def test_of_a_conversation_the_end_is_in_sight_first(desk, page):
    store, _ = desk
    turns = [["user" if n % 2 == 0 else "assistant", f"Turn {n}. {LONG[:600]}"] for n in range(9)]
    with store.write() as connection:
        connection.execute(s.prompts.update().values(messages=turns))
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 6 answered")
        talk, last = (page.locator(f".desk {at}").last.bounding_box() for at in (".talk", ".talk .turn"))
        assert abs(talk["y"] + talk["height"] - last["y"] - last["height"]) < 8
        press(page, "Shift+PageUp")
        page.wait_for_timeout(500)
        moved = page.locator(".desk .talk .turn").last.bounding_box()
        assert moved["y"] > last["y"] + 50, "and what was said before is a key away"


def test_undo_reaches_across_a_reload(desk, page):
    store, _ = desk
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 6 answered")
        for n in (1, 2):
            press(page, "3", 0.6)
            wait_for(page, f"{n} of 6 answered")
        page.reload()
        wait_for(page, "2 of 6 answered")
        press(page, "u", 0.6)
        wait_for(page, "you answered")
        page.reload()
        wait_for(page, "you answered")
        press(page, "4", 0.6)
        until(lambda: len(labels(store)) == 3)
        rows = labels(store)
        assert (rows[2].answer, rows[2].corrects) == ("both_bad", rows[1].id)


def test_two_tabs_of_one_person(desk, page):
    store, _ = desk
    other = page.context.new_page()
    with served(store.folder) as url:
        for tab in (page, other):
            at_desk(tab, f"{url}/label", "0 of 6 answered")
        press(page, "3", 0.6)
        wait_for(page, "1 of 6 answered")
        press(other, "4", 0.6)
        wait_for(other, "already, in another tab")
        assert [row.answer for row in labels(store)] == ["tie"]
        shown = [tab.locator(".desk .sides").inner_text() for tab in (page, other)]
        assert shown[0] == shown[1], "both stand at the next pair"
        press(other, "4", 0.6)
        until(lambda: len(labels(store)) == 2)
    other.close()


def test_a_lease_that_ends_before_the_answer(tmp_path, page):
    store, study_id, _ = campaign(tmp_path / "store", batch=3, lease_minutes=0.02)
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 3 answered")
        page.wait_for_timeout(1500)
        noor = roles.at_the_machine(store, "Noor")
        hers = claim_next(store, study_id, noor.id)
        assert hers is not None
        press(page, "3")
        wait_for(page, "A late answer.")
        answer(store, study_id, hers.assignment_id, noor.id, Said("a"))
    rows = labels(store)
    assert [(row.pair_id == hers.pair_id, row.answer) for row in rows] == [(True, "tie"), (True, "a")]
    assert rows[0].detail.get("late"), "kept, as what it is"


def test_a_link_that_is_closed_closes_an_open_tab_without_a_click(desk, page):
    store, study_id = desk
    mira, token = roles.invite(store, "Mira", "labeller", study_id)
    with served(store.folder) as url:
        at_desk(page, f"{url}/label?token={token}", "0 of 6 answered")
        press(page, "1", 0.6)
        wait_for(page, "1 of 6 answered")
        roles.revoke(store, mira.id)
        wait_for(page, "This link opens nothing any more.")
        assert page.get_by_role("button", name="A is better").count() == 0
        page.keyboard.press("1")
        page.wait_for_timeout(500)
        assert len(labels(store)) == 1
    assert token not in (store.folder / "app.log").read_text(), "links stand in no log"


def test_a_link_that_a_lead_makes_on_the_page_opens_the_queue(desk, page):
    store, _ = desk
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 6 answered")
        page.get_by_text("For the lead").click()
        page.get_by_label("Name of a labeller").fill("Mira")
        page.get_by_role("button", name="Make a link").click()
        wait_for(page, "It is shown this once")
        under = page.get_by_test_id("stExpander").filter(has_text="For the lead").get_by_test_id("stCode")
        link = under.inner_text().strip()
        assert link.startswith(f"{url}/label?token=")
        page.get_by_role("button", name="I have it").click()
        under.wait_for(state="detached", timeout=20_000)
        page.wait_for_timeout(500)
        assert violations(page) == []
        page.goto(link)
        wait_for(page, "labelling as Mira")
        wait_for(page, "0 of 6 answered")


@contextmanager
def proxied(port: int) -> Iterator[int]:
    """A proxy on this machine that says for whom it asks, as nginx and others do; its port."""

    class Pass(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            first = self.request.recv(65_536).replace(b"\r\n", b"\r\nX-Forwarded-For: 10.0.0.7\r\n", 1)
            with socket.create_connection(("127.0.0.1", port)) as inner:
                inner.sendall(first)
                back = threading.Thread(target=poured, args=(inner, self.request), daemon=True)
                back.start()
                poured(self.request, inner)
                back.join(5)

    def poured(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Pass) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_who_comes_through_a_proxy_needs_a_link_though_the_app_listens_here_only(desk, page):
    store, study_id = desk
    _, token = roles.invite(store, "Mira", "labeller", study_id)
    port = free_port()
    with served(store.folder, "--server.address=localhost", port=port) as url, proxied(port) as outside:
        page.goto(f"http://localhost:{outside}/label")
        wait_for(page, "The link has no token.")
        assert page.get_by_role("button", name="A is better").count() == 0
        page.goto(f"http://localhost:{outside}/label?token={token}")
        wait_for(page, "0 of 6 answered")
        page.goto(f"{url}/label")
        wait_for(page, "labelling as lead")


def test_a_lost_server_takes_no_answer_and_is_found_again(desk, page):
    store, _ = desk
    port = free_port()
    with served(store.folder, port=port) as url:
        at_desk(page, f"{url}/label", "0 of 6 answered")
        press(page, "3", 0.6)
        wait_for(page, "1 of 6 answered")
    page.wait_for_timeout(1500)
    page.keyboard.press("4")
    page.wait_for_timeout(500)
    assert len(labels(store)) == 1, "nothing is taken for saved that is not"
    with served(store.folder, port=port):
        until(lambda: page.get_by_role("button", name="Both bad").is_enabled(), 60.0)
        page.wait_for_timeout(1500)
        press(page, "4", 0.6)
        until(lambda: len(labels(store)) == 2)
        assert [row.answer for row in labels(store)] == ["tie", "both_bad"]
        assert len({row.pair_id for row in labels(store)}) == 2
