"""A page that is left before it was drawn whole: its widget is still bound to the link, though its value is gone."""

from streamlit.testing.v1 import AppTest


def script() -> None:
    import streamlit as st

    from workbench import session

    if st.session_state.pop("left", False):
        del st.session_state["study"]
    session.settle("study", ["old", "new"], "new")
    st.selectbox("Study", ["old", "new"], key="study", bind="query-params")
    st.text(f"looks at {st.session_state['study']}")


def test_the_next_page_is_drawn_with_the_usual_part() -> None:
    app = AppTest.from_function(script, default_timeout=60).run()
    assert app.text[0].value == "looks at new"
    assert app.query_params["study"] == "new"
    app.session_state["left"] = True
    del app.query_params["study"]
    app.run()
    assert not app.exception
    assert app.text[0].value == "looks at new"
