"""The routes: HTML of the tabs under /view, pictures under /media, the endpoints for programs."""
