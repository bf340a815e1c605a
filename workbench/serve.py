"""Serves the app; what its pages draw with is imported before the first visitor comes, not while somebody waits"""

import gc
import importlib
import logging
import pkgutil
import sys
from pathlib import Path

from streamlit.web.cli import main

APP = Path(__file__).with_name("app.py")
RUN = ("workbench.app", "workbench.serve", "workbench.__main__")
"""Modules that do something when they are imported."""


def warm() -> None:
    """Import what pages are made of, find the strategies, draw one figure (plotly reads its templates when the first is
    made), and clean up once: the first collection over all these modules takes as long as a page."""
    from plotly import graph_objects

    import workbench
    from engine.strategies.base import STRATEGIES
    from workbench import charts, components

    # What remembers is told that no server runs yet, which is so.
    logging.getLogger("streamlit.runtime.caching.cache_data_api").setLevel(logging.ERROR)
    for package in (workbench, components, charts):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name not in RUN and not module.ispkg:
                importlib.import_module(module.name)
    STRATEGIES.names()
    graph_objects.Figure(graph_objects.Scattergl(x=[0], y=[0])).to_json()
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    warm()
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    main(prog_name="streamlit")
