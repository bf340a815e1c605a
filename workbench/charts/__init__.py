"""Charts: pure functions from frames to Plotly figures. Nothing here knows Streamlit, the store or the session."""
