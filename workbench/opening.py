"""What the reader looks at, elsewhere: as a notebook, as a command, as lines of a study file."""

from dataclasses import replace
from math import isfinite

from engine.tasks.dry_run import DryRun
from workbench import cache, crossing, session
from workbench.charts.across import KINDS, Across, device_of
from workbench.charts.metrics import in_order
from workbench.components.curve_controls import EVERY
from workbench.components.elsewhere import elsewhere
from workbench.components.notebook_button import notebook_button
from workbench.components.score_panels import ECDF
from workbench.crossing import View
from workbench.lab_words import command_of, lines_of
from workbench.session import Looking


def as_notebook(page: str, looking: Looking) -> None:
    """The button, on the pages that a notebook can draw again; nothing elsewhere, and nothing without a study."""
    if page in crossing.PAGES and looking.study is not None:
        view = view_of(page, looking, looking.study.id)
        notebook_button(view.file, lambda: crossing.notebook_of(view))


def dry_run(dry: DryRun) -> None:
    """The same dry run as a command, as lines of a study file and as a notebook."""
    elsewhere(command_of(dry), lines_of(dry.strategies))
    store = str(cache.store_folder())
    notebook_button("dry-run.ipynb", lambda: crossing.notebook_of_dry_run(dry, store), key="dry-run-as-notebook")


def view_of(page: str, looking: Looking, study_id: str) -> View:
    """What is looked at, with the choices of its page as the link has them."""
    run, number = looking.run, looking.round
    view = View(
        page, str(cache.store_folder()), study_id, looking.strategy.name if looking.strategy else "",
        run.id if run else "", run.seed if run else None, number, looking.pair.strip(),
    )  # fmt: skip
    if page == "curves":
        return _curves(view)
    if page == "explore":
        chart, title = session.text_of("chart"), session.text_of("of")
        log = session.text_of("counts") == "log count"
        return replace(view, shares=chart == ECDF, log=log, quantity=title or view.quantity)
    return view


def _curves(view: View) -> View:
    names = in_order([metric.name for metric in cache.metric_names(view.study_id)])
    asked, kind = session.text_of("figure"), session.text_of("along")
    across = Across(
        next((known for known in KINDS if known == kind), KINDS[0]), device_of(cache.spent(view.study_id)),
        _price("label_price", 1.0), _price("hour_price", 0.0),
    )  # fmt: skip
    figure = asked if asked in names else next(iter(names), "")
    if not figure:  # no round is done: of a study that has no curve its runs are shown
        return replace(view, page="")
    return replace(view, figure=figure, across=across, every_seed=session.text_of("seeds") == EVERY)


def _price(name: str, usual: float) -> float:
    """What the reader has typed; as the page has it where a link says no number."""
    try:
        typed = float(session.text_of(name) or usual)
    except ValueError:
        return usual
    return typed if isfinite(typed) and typed >= 0 else usual
