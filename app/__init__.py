"""The browser: FastAPI with Gradio mounted, and the drawing of stored numbers. Imports db, never precompute."""
