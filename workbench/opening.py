"""What the reader looks at, elsewhere: as a notebook, as a command, as lines of a study file."""

from dataclasses import replace
from math import isfinite

from engine.data.answers import Subset
from engine.tasks.dry_run import DryRun
from workbench import browsing, cache, crossing, session
from workbench.charts.across import KINDS, Across, device_of
from workbench.charts.metrics import in_order
from workbench.components.curve_controls import EVERY
from workbench.components.elsewhere import elsewhere
from workbench.components.export_panel import Form
from workbench.components.map_controls import COLOURS, METHODS, POINTS, VECTORS, draws_anew
from workbench.components.map_unlike import read_range
from workbench.components.notebook_button import notebook_button
from workbench.components.score_panels import ECDF, RIDGES
from workbench.lab_words import command_of, lines_of
from workbench.session import Looking
from workbench.subset import words_of
from workbench.views import InData, OnMap, ToExport, View


def as_notebook(page: str, looking: Looking) -> None:
    """The button, on the pages that a notebook can draw again; nothing elsewhere, and nothing without a study."""
    if page not in crossing.PAGES or (looking.study is None and page != "data"):
        return
    view = view_of(page, looking, looking.study.id if looking.study else "")
    if view is not None:
        notebook_button(view.file, lambda: crossing.notebook_of(view))


def dry_run(dry: DryRun) -> None:
    """The same dry run as a command, as lines of a study file and as a notebook."""
    elsewhere(command_of(dry), lines_of(dry.strategies))
    store = str(cache.store_folder())
    notebook_button("dry-run.ipynb", lambda: crossing.notebook_of_dry_run(dry, store), key="dry-run-as-notebook")


def export(subset: Subset, form: Form, file: str) -> None:
    """The notebook that writes what the page Export offers; `file` is where its rows stand."""
    out = f"{subset.study_id}-{words_of(subset)}-{form.profile}"
    asked = {**subset.model_dump(exclude={"study_id"}), "profile": form.profile, "container": form.container,
             "names": form.names, "licence": form.licence}  # fmt: skip
    choices = {name: value for name, value in asked.items() if value is not None and value != "" and value is not False}
    to = ToExport(subset.study_id, out, choices, file if form.container in ("jsonl", "csv") else "")
    store = str(cache.store_folder())
    notebook_button(f"{out}.ipynb", lambda: crossing.notebook_of_export(to, store), key="export-as-notebook")


def view_of(page: str, looking: Looking, study_id: str) -> View | None:
    """What is looked at, with the choices of its page as the link has them; None where nothing is there to look at."""
    run, number = looking.run, looking.round
    view = View(
        page, str(cache.store_folder()), study_id, looking.strategy.name if looking.strategy else "",
        run.id if run else "", run.seed if run else None, number, looking.pair.strip(),
    )  # fmt: skip
    if page == "curves":
        return _curves(view)
    if page == "explore":
        return _explore(view)
    if page == "label-quality":
        return replace(view, source="file" if "file" in session.text_of("answers") else "bought")
    if page == "map":
        return replace(view, on_map=_map(view, looking))
    if page == "data":
        return _data(view)
    return view


def _explore(view: View) -> View:
    chart, title, titles = session.text_of("chart"), session.text_of("of"), session.words_of("also") or []
    beside = tuple(
        run.id for run in cache.study(view.study_id).runs
        if run.seed == view.seed and run.strategy.title in titles and run.id != view.run_id
    )  # fmt: skip
    return replace(view, shares=chart == ECDF, by_round=chart == RIDGES, beside=beside,
                   log=session.text_of("counts") == "log count", quantity=title or view.quantity)  # fmt: skip


def _map(view: View, looking: Looking) -> OnMap:
    anew = draws_anew(cache.study(view.study_id).config)
    asked = session.text_of("points")
    what = next((known for known in POINTS if known == asked), POINTS[0])
    vectors = VECTORS.get(session.text_of("vectors"), "sentences")
    strategies = looking.study.strategies if looking.study else ()
    first = [looking.strategy] if looking.strategy else list(strategies[:1])
    titles = session.words_of("picks")
    of = [one for one in strategies if one.title in titles] if titles is not None else first
    return OnMap(
        what=what, method=METHODS.get(session.text_of("method"), "pca"), colour=_colour(view),
        strategies=tuple(one.name for one in of), vectors=vectors,
        of_round=bool(view.run_id and view.round) and (anew or vectors == "policy"),
        selection=session.text_of("sel").strip(), within=read_range(session.text_of("unlike")),
    )  # fmt: skip


def _colour(view: View) -> str:
    """A colour of every map, or the key of a quantity of the round by its title."""
    asked = session.text_of("colour")
    if asked in COLOURS or not (view.run_id and view.round):
        return asked if asked in COLOURS else COLOURS[0]
    found = browsing.round_scores(view.study_id, view.run_id, view.round)
    return next((one.key for one in (found.quantities if found else ()) if one.title == asked), COLOURS[0])


def _data(view: View) -> View | None:
    """None while a file is brought in, and where no data set is here."""
    names = browsing.dataset_names_of(view.study_id or None)
    if not names or session.text_of("part") == "import":
        return None
    dataset = names.get(session.text_of("dataset")) or next(iter(names.values()))
    page = session.text_of("prompts_page")
    of = InData(dataset.id, session.text_of("q"), max(int(page) - 1, 0) if page.isdigit() else 0,
                session.text_of("prompt").strip())  # fmt: skip
    return replace(view, in_data=of)


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
