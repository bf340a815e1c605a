"""Labelling in a real browser: by keyboard alone, undo, arrows, skip, a labeller's link, and an app that is killed."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.store import answered, queries, roles
from engine.store import schema as s
from engine.store.database import Store
from tests.browser.conftest import served
from tests.browser.desk import at_desk, press, until, wait_for
from tests.browser.tab import at_rest, violations
from tests.engine.store.campaign_world import campaign, labels
from tests.workbench.worlds import HOSTILE

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(tmp_path: Path) -> tuple[Store, str]:
    store, study_id, _ = campaign(tmp_path / "store", batch=8)
    return store, study_id


def opens_two_pages(page) -> None:
    page.get_by_test_id("stPageLink").nth(1).wait_for(timeout=30_000)
    assert page.get_by_test_id("stPageLink").count() == 2


def answers(store: Store) -> list[str]:
    return [row.answer for row in labels(store)]


def test_by_keyboard_alone(desk, page):
    store, study_id = desk
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 8 answered")
        who = roles.at_the_machine(store, "lead")
        for n, key in enumerate("1234", start=1):
            press(page, key)
            until(lambda n=n: len(labels(store)) == n)
            wait_for(page, f"{n} of 8 answered")
        rows = labels(store)
        assert [row.answer for row in rows[2:]] == ["tie", "both_bad"]
        assert rows[0].answer == rows[0].side_shown_first, "1 is the response at the left"
        assert rows[1].answer != rows[1].side_shown_first, "2 is the one at the right"
        assert all(row.seconds > 0.1 for row in rows)

        press(page, "u")
        wait_for(page, "3 of 8 answered")
        wait_for(page, "you answered")
        press(page, "3")
        until(lambda: len(labels(store)) == 5)
        assert (labels(store)[-1].answer, labels(store)[-1].corrects) == ("tie", rows[3].id)

        press(page, "ArrowLeft")
        wait_for(page, "you answered")
        press(page, "ArrowLeft")
        press(page, "ArrowLeft")
        press(page, "1")
        until(lambda: len(labels(store)) == 6)
        assert labels(store)[-1].corrects == rows[1].id, "the third from last"
        page.get_by_text("you answered").first.wait_for(state="detached", timeout=20_000)  # and then the queue goes on

        press(page, "s")
        wait_for(page, "Why is it skipped?")
        press(page, "6")
        until(lambda: answers(store)[-1] == "skip")
        assert labels(store)[-1].note == "too long"

        press(page, "d")
        page.locator("mark").first.wait_for(timeout=20_000)
        while answered.progress(store, study_id, who.id).free:
            before = len(labels(store))
            press(page, "2")
            until(lambda before=before: len(labels(store)) > before)
        wait_for(page, "Nothing to label.")
        assert queries.study(store, study_id).runs[0].state == "queued", "the run goes on by itself"


def test_keys_do_nothing_while_somebody_writes(desk, page):
    store, _ = desk
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 8 answered")
        page.get_by_label("Labelling as").click()
        page.keyboard.type("12")
        page.wait_for_timeout(600)
        assert labels(store) == []


def test_what_was_answered_is_there_after_the_app_was_killed(desk, page):
    store, _ = desk
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 8 answered")
        for n in (1, 2):
            press(page, "1")
            wait_for(page, f"{n} of 8 answered")
        shown = page.locator(".desk").inner_text()
    assert len(labels(store)) == 2
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "2 of 8 answered")
        assert page.locator(".desk").inner_text() == shown, "the same pair, its sides as they were"
        press(page, "1")
        wait_for(page, "3 of 8 answered")
    assert len({row.pair_id for row in labels(store)}) == 3


def test_a_labellers_link_opens_the_queue_and_the_guideline_only(desk, page):
    store, study_id = desk
    mira, token = roles.invite(store, "Mira", "labeller", study_id)
    roles.write_guideline(store, study_id, f"Be fair. {HOSTILE[0]}")
    with served(store.folder) as url:
        at_desk(page, f"{url}/label?token={token}", "0 of 8 answered")
        opens_two_pages(page)
        press(page, "1")
        until(lambda: len(labels(store)) == 1)
        assert labels(store)[0].person_id == mira.id
        page.get_by_test_id("stPageLink").filter(has_text="Guideline").click()
        wait_for(page, "version 1")
        assert page.get_by_role("textbox").count() == 0, "only the lead writes it"
        page.reload()
        wait_for(page, "version 1")
        for path in ("", "studies", "export", "curves"):
            page.goto(f"{url}/{path}?token={token}")
            wait_for(page, "Labelling as")
            assert page.get_by_text("New study").count() == 0
            opens_two_pages(page)
        page.goto(f"{url}/label?token=wrong")
        wait_for(page, "opens nothing")


def test_an_app_that_other_machines_reach_opens_by_link_only(desk, page):
    store, _ = desk
    _, token = roles.invite(store, "Ada", "lead")
    with served(store.folder, "--server.address=0.0.0.0") as url:
        for path in ("", "label", "studies"):
            page.goto(f"{url}/{path}")
            wait_for(page, "The link has no token.")
            assert page.get_by_test_id("stPageLink").count() == 0
            assert page.get_by_text("campaign").count() == 0
        page.goto(f"{url}/?token={token}")
        wait_for(page, "waits for labels")
        page.get_by_test_id("stPageLink").filter(has_text="Guideline").click()
        wait_for(page, "No guideline is written yet.")
        page.reload()
        wait_for(page, "No guideline is written yet.")
        assert token in page.url, "a reload finds it in the link"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(desk, page, scheme):
    store, study_id = desk
    roles.write_guideline(store, study_id, "Be fair.\n\nLonger is not better.")
    page.emulate_media(color_scheme=scheme)
    with served(store.folder) as url:
        at_rest(page, f"{url}/label", "of 8 answered")
        press(page, "1")
        wait_for(page, "1 of 8 answered")
        press(page, "ArrowLeft")
        wait_for(page, "you answered")
        assert violations(page) == []
        press(page, "s")
        wait_for(page, "Why is it skipped?")
        assert violations(page) == []
        at_rest(page, f"{url}/guideline", "version 1")
        assert violations(page) == []


def test_hostile_and_long_texts_are_texts_and_the_keys_stay_in_sight(tmp_path, page):
    store, _, _ = campaign(tmp_path / "store", batch=len(HOSTILE))
    with store.write() as connection:
        ids = connection.execute(sa.select(s.responses.c.id).order_by(s.responses.c.prompt_id)).scalars().all()
        for number, response_id in enumerate(ids):
            text = HOSTILE[number // 2 % len(HOSTILE)]
            connection.execute(s.responses.update().where(s.responses.c.id == response_id).values(text=text))
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", f"0 of {len(HOSTILE)} answered")
        for number in range(1, len(HOSTILE)):
            page.wait_for_timeout(300)
            assert page.locator(".desk img, .desk a, .desk iframe, .desk script, .desk style").count() == 0
            button = page.get_by_role("button", name="A is better")
            assert button.bounding_box()["y"] < 850, "the keys are in sight, however long the texts"
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            press(page, "3", 0.1)
            wait_for(page, f"{number} of {len(HOSTILE)} answered")


def test_the_page_fits_and_says_its_keys(desk, page):
    store, _ = desk
    with served(store.folder) as url:
        at_desk(page, f"{url}/label", "0 of 8 answered")
        page.wait_for_timeout(800)
        for key in ("1", "2", "3", "4", "S", "U"):
            assert page.locator(".stMain button", has_text=key).count() >= 1, key
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
