"""The face: Streamlit pages that a manager reads in ten seconds. Everything comes through the operations API."""
