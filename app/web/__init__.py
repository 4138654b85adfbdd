"""The web server: Gradio mounted on FastAPI, login, caching of static files, ports."""
