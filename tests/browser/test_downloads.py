"""A figure saved from a dark screen is light on white: as PNG, by its pixels, and as SVG, by its parts."""

import re
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from tests.browser.tab import SLOW, main

pytestmark = pytest.mark.browser
BUTTONS = {"PNG": "Download plot as a PNG", "SVG": "Download plot"}
"""What Plotly calls its camera, which tells that the form that was chosen has arrived."""
MUTED = "rgb(89, 96, 106)"
"""The ink of axes in the light, as a browser writes it."""


def test_a_figure_saved_in_the_dark_can_be_read_on_paper(page, app_url, tmp_path):
    page.emulate_media(color_scheme="dark")
    page.goto(f"{app_url}/curves")
    main(page).locator(".js-plotly-plot .annotation").first.wait_for(timeout=SLOW)
    on_screen = main(page).locator(".js-plotly-plot .xtitle").first
    assert on_screen.evaluate("e => getComputedStyle(e).fill") != MUTED
    page.get_by_role("button", name="Download").click()
    dialog = page.get_by_role("dialog")
    for form, kind in (("PNG", "png"), ("SVG", "svg")):
        dialog.get_by_text(form, exact=True).click()
        camera = dialog.locator(f'.modebar-btn[data-title="{BUTTONS[form]}"]').first
        with page.expect_download(timeout=SLOW) as download:
            camera.click()
        assert download.value.suggested_filename == f"accuracy-pool_like.{kind}"
        download.value.save_as(tmp_path / f"figure.{kind}")

    picture = Image.open(tmp_path / "figure.png").convert("RGBA")
    assert picture.size == (1920, 1200)
    colours = {colour: n for n, colour in picture.getcolors(maxcolors=2**24)}
    assert max(colours, key=lambda c: colours[c]) == (255, 255, 255, 255)
    assert {alpha for *_, alpha in colours} == {255}, "no part of the ground is left out"
    assert min(sum(c[:3]) for c in colours) < 200, "the words are dark"

    saved = ET.parse(tmp_path / "figure.svg").getroot()
    shapes = [shape.get("style", "") for shape in saved.iter("{http://www.w3.org/2000/svg}rect")]
    assert "fill: rgb(255, 255, 255); fill-opacity: 1;" in shapes[0]
    words = [text for text in saved.iter("{http://www.w3.org/2000/svg}text") if "".join(text.itertext()).strip()]
    assert len(words) > 10
    fills = {re.findall(r"fill: ([^;]+);", text.get("style", ""))[0] for text in words}
    assert fills <= {MUTED, "rgb(30, 35, 41)"}, "ink and muted ink of the light"
    assert "How-to world, first look" in ["".join(part.itertext()) for part in saved.iter()]
