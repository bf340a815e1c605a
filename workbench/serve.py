"""Serves the app; what its pages draw with is imported before the first visitor comes, not while somebody waits"""

import importlib
import logging
import pkgutil
import sys
from pathlib import Path

from streamlit.web.cli import main

APP = Path(__file__).with_name("app.py")


def warm() -> None:
    """Import every component and chart, and draw one figure: plotly reads its templates when the first is made."""
    from plotly import graph_objects

    from workbench import charts, components

    # What remembers is told that no server runs yet, which is so.
    logging.getLogger("streamlit.runtime.caching.cache_data_api").setLevel(logging.ERROR)
    for package in (components, charts):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    graph_objects.Figure(graph_objects.Scattergl(x=[0], y=[0])).to_json()


if __name__ == "__main__":
    warm()
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    main(prog_name="streamlit")
