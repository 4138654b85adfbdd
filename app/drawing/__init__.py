"""Pure functions: stored arrays in, picture bytes or SVG out; nothing here knows a database or a web server."""
