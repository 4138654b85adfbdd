"""HTML from templates: everything that comes from data is escaped, numbers are written the same way everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from jinja2 import Environment, FileSystemLoader, StrictUndefined

APP = Path(__file__).parent
MINUS = "\N{MINUS SIGN}"
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


def percent(share: float | None, decimals: int = 0) -> str:
    """A share in 0..1 as `97 %`; what would round to 0 or 100 without being so is written `< 1 %`, `> 99 %`."""
    if share is None or math.isnan(share):
        return "–"
    least = 10**-decimals
    value = 100 * share
    if 0 < value < least / 2:
        return f"<{NARROW_SPACE}{least:g}{NARROW_SPACE}%"
    if 100 - least / 2 < value < 100:
        return f">{NARROW_SPACE}{100 - least:g}{NARROW_SPACE}%"
    return f"{value:.{decimals}f}{NARROW_SPACE}%"


def signed_number(value: float, decimals: int = 3) -> str:
    """A weight with its sign, `+0.120` or `−0.045`."""
    written = f"{value:+.{decimals}f}"
    return written.replace("-", MINUS)


def thousands(value: int) -> str:
    """A count with narrow spaces, `16 774`."""
    return f"{value:,}".replace(",", NARROW_SPACE)


def link(parts: Mapping[str, Any] | None = None, **more: Any) -> str:
    """An address of this page or of a picture's parameters: `?a=b`, without what is None."""
    merged = {**(parts or {}), **more}
    return "?" + "&".join(f"{key}={_quoted(str(value))}" for key, value in merged.items() if value is not None)


_quoted = lru_cache(maxsize=4096)(quote_plus)
"""Kept: a page links the same few names hundreds of times."""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([APP / "web" / "templates", *sorted(APP.glob("tabs/*/"))]),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, signed=signed_number, thousands=thousands)
    environment.globals.update(link=link)
    return environment


_TEMPLATES = _environment()


def render(template: str, **values: Any) -> str:
    """Fill a template of app/web/templates or of a tab's folder; every value is escaped."""
    return _TEMPLATES.get_template(template).render(**values)
