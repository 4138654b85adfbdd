"""What the page says where there is nothing to show yet, and the command that makes it."""

from __future__ import annotations

import shlex

from app.tabs.choice import Choice
from app.templating import render
from db.records.models import ModelView


def nothing_yet(choice: Choice) -> str:
    """A database without any sample."""
    return render(
        "note.html",
        heading="Nothing here yet",
        text=f"The database “{choice.database.name}” holds no samples. They appear once a run has read a data set.",
        command=command(choice),
    )


def no_groups(choice: Choice) -> str:
    """A class without global explanations."""
    if choice.model is not None and not choice.model.explained:
        return render("note.html", heading="Nothing to show for this model", text=one_sided(choice.model), command=None)
    return render(
        "note.html",
        heading="No global explanation of this class yet",
        text="It is made from the explanations of all its samples, once those are there.",
        command=command(choice),
    )


def no_confusion(choice: Choice) -> str:
    """A model whose answers on the test samples are not known yet."""
    return render(
        "note.html",
        heading="No mistakes counted yet",
        text="What a model takes for what is known once it has been tried on the test samples.",
        command=command(choice),
    )


def one_sided(model: ModelView) -> str:
    """Why some models have no explanations."""
    return f"The model “{model.name}” was left out when the explanations were made; pick one that has some."


def evaluate(choice: Choice, what: str) -> str:
    """The command that measures the explanations: `what` = deletion or faithfulness."""
    return f"python -m precompute evaluate {what} --db {shlex.quote(choice.database.shown)}"


def command(choice: Choice) -> str:
    """The command that says what is left to do or, for a database without a run, that starts one."""
    shown = shlex.quote(choice.database.shown)
    if choice.database.reader.runs.all():
        return f"python -m precompute status --db {shown}"
    return f"python -m precompute run --dataset DATASET --db {shown}"
