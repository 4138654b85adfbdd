"""`evaluate deletion` and `evaluate faithfulness` on a small slice of the built-in sample set."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.errors import UserError
from db.read.reader import Reader
from db.schema.tables import GlobalGroup, WorkUnit
from db.session import create, finish, open_read_only
from precompute.evaluation.curves import area_under_curve, removal_counts
from precompute.evaluation.deletion import DRAWS
from precompute.evaluation.run import evaluate_deletion, evaluate_faithfulness
from precompute.probe import probe_sample
from precompute.stored_run import open_stored
from tests.command_line import command, process
from tests.planted_slice import CLASSES, write_planted_slice
from tests.tiny_recipe import TOWERS

RECIPE = f"""{TOWERS}
[[models]]
name = "image"
kind = "image"

[[models]]
name = "feature_concatenation"
kind = "feature_concatenation"

[[models]]
name = "score_fusion"
kind = "score_fusion"

[training]
epochs = 8
learning_rate = 3e-3

[explain]
split = "all"
sampler = "balanced"
evaluations = 64
segments = 30

[global]
split = "SPLIT"
"""
EXPLAINED = 2
"""Models of the recipe that are explained."""


def _recipe(folder: Path, split: str) -> Path:
    path = folder / f"{split}.toml"
    path.write_text(RECIPE.replace("SPLIT", split))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    write_planted_slice(folder / "set")
    url = f"sqlite:///{folder}/trust.db"
    options = ["--dataset", folder / "set", "--recipe", _recipe(folder, "train"), "--db", url, "--workers", 1]
    command("precompute", "run", *options)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> str:
    """With both evaluations, one of them from a process that has two workers."""
    url = f"sqlite:///{folder}/trust.db"
    process("precompute", "evaluate", "deletion", "--db", url, "--workers", 2)
    _measure_faithfulness(url, 1)
    return url


def _measure_faithfulness(url: str, samples_per_class: int, steps: int = 6, replace: bool = False) -> None:
    with open_stored(url, "explain-local", workers=1, replace_results=replace) as context:
        assert evaluate_faithfulness(context, samples_per_class, steps) == 0


def _figures(url: str, *kinds: str) -> list[tuple[Any, ...]]:
    reader = Reader(open_read_only(url))
    return [
        (kind, row.model, row.sample, row.modality, row.figures)
        for kind in kinds
        for row in reader.evaluations.figures(kind)
    ]


def _groups(url: str) -> list[tuple[Any, ...]]:
    with Session(open_read_only(url)) as session:
        return [row._tuple() for row in session.execute(select(GlobalGroup.id, GlobalGroup.name, GlobalGroup.score))]


def _units(url: str) -> int:
    with Session(open_read_only(url)) as session:
        return session.scalar(select(func.max(WorkUnit.id)).where(WorkUnit.stage == "evaluate-faithfulness")) or 0


def test_what_was_removed_are_features_of_the_classs_top_groups(url: str) -> None:
    reader = Reader(open_read_only(url))
    rows = reader.evaluations.figures("deletion-sample")
    assert {row.modality for row in rows} == {"image", "text"}
    for row in rows:
        assert row.model is not None
        assert row.sample is not None
        sample = reader.samples.get(row.sample)
        assert sample is not None
        assert sample.split == "test"
        assert reader.predictions.of(row.model, row.sample)[0].label == sample.label
        assert (row.figures["untouched"], row.figures["draws"]) == (1.0, DRAWS)
        removed = row.figures["removed"]
        assert len(removed) == row.figures["features"] > 0
        if row.modality == "image":
            (explanation,) = [e for e in reader.explanations.of(row.model, row.sample) if e.target == sample.label]
            assert set(removed) <= set(np.argsort(-explanation.image_weights, kind="stable")[:3].tolist())
        else:
            words = {
                group.representative.text
                for group in reader.groups.of_class(row.model, sample.label, "text")
                if group.rank <= 3 and group.representative is not None
            }
            assert {entry.position for entry in sample.entries if entry.text in words} <= set(removed)


def test_an_accuracy_with_features_removed_is_what_probe_answers(url: str) -> None:
    reader = Reader(open_read_only(url))
    for modality in ("image", "text"):
        row = next(row for row in reader.evaluations.figures("deletion-sample") if row.modality == modality)
        assert row.model is not None
        assert row.sample is not None
        removed = row.figures["removed"]
        segments, entries = (removed, []) if modality == "image" else ([], removed)
        answer = probe_sample(url, row.model, row.sample, segments, entries)
        label = row.sample.split("/")[1]
        assert row.figures["top_removed"] == float(max(answer, key=lambda name: answer[name]) == label)


def test_the_summary_is_the_mean_of_its_samples(url: str) -> None:
    reader = Reader(open_read_only(url))
    samples = reader.evaluations.figures("deletion-sample")
    summaries = reader.evaluations.figures("deletion")
    assert {(row.model, row.modality) for row in summaries} <= {(row.model, row.modality) for row in samples}
    assert summaries
    for row in summaries:
        mine = [one.figures for one in samples if (one.model, one.modality) == (row.model, row.modality)]
        fair = [one for one in mine if one["others"] >= one["features"]]
        assert row.figures["samples"] == len(fair)
        for name in ("untouched", "top_removed", "random_removed", "features"):
            assert row.figures[name] == pytest.approx(np.mean([one[name] for one in fair]))
        lost = row.figures["random_removed"] - row.figures["top_removed"]
        assert row.figures["difference"] == pytest.approx(lost)
        low, high = row.figures["interval"]
        assert low <= row.figures["difference"] <= high


def test_curves_are_what_probe_answers_point_by_point(url: str) -> None:
    reader = Reader(open_read_only(url))
    row = reader.evaluations.figures("faithfulness")[0]
    assert row.model is not None
    assert row.sample is not None
    explanation = reader.explanations.of(row.model, row.sample)[0]
    superpixels = len(explanation.image_weights)
    weights = np.concatenate([explanation.image_weights, explanation.text_weights])
    ranking = np.argsort(-weights, kind="stable").tolist()
    counts = removal_counts(len(weights), 6)
    curves = []
    for removed_at in (lambda count: ranking[:count], lambda count: ranking[count:]):
        curve = []
        for count in counts:
            removed = removed_at(count)
            segments = [feature for feature in removed if feature < superpixels]
            entries = [feature - superpixels for feature in removed if feature >= superpixels]
            curve.append(probe_sample(url, row.model, row.sample, segments, entries)[explanation.target])
        curves.append(area_under_curve(counts, np.array(curve)))
    assert row.figures["deletion_auc"] == pytest.approx(curves[0], abs=1e-6)
    assert row.figures["insertion_auc"] == pytest.approx(curves[1], abs=1e-6)
    assert row.figures["r2"] == explanation.r2
    assert 0.5 <= row.figures["stability"] <= 1


def test_again_computes_nothing_and_more_samples_keep_what_there_is(url: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "trust.db"
    shutil.copy(folder / "trust.db", copy)
    again = f"sqlite:///{copy}"
    before, last = _figures(again, "faithfulness"), _units(again)
    assert len({(row[1], row[2]) for row in before}) == len(before) == CLASSES * EXPLAINED
    _measure_faithfulness(again, 1)
    assert (_figures(again, "faithfulness"), _units(again)) == (before, last)
    _measure_faithfulness(again, 2)
    after = _figures(again, "faithfulness")
    assert len(after) == 2 * len(before)
    assert all(row in after for row in before)
    _measure_faithfulness(again, 1)
    assert _figures(again, "faithfulness") == after, "a smaller number keeps what there is"


def test_figures_of_other_options_are_replaced_only_if_asked_for(url: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "trust.db"
    shutil.copy(folder / "trust.db", copy)
    again = f"sqlite:///{copy}"
    before = _figures(again, "faithfulness")
    options = ("--samples-per-class", 1, "--steps", 3, "--workers", 1, "--db", again)
    answer = command("precompute", "evaluate", "faithfulness", *options, check=False)
    assert answer.returncode == 2
    assert f"{CLASSES * EXPLAINED} results of evaluate-faithfulness" in answer.stderr.splitlines()[-1]
    assert "--replace" in answer.stderr.splitlines()[-1]
    assert _figures(again, "faithfulness") == before
    with pytest.raises(UserError, match="--replace"):
        _measure_faithfulness(again, 1, steps=3)
    _measure_faithfulness(again, 1, steps=3, replace=True)
    after = _figures(again, "faithfulness")
    assert [row[:3] for row in after] == [row[:3] for row in before]
    assert after != before


def test_the_number_of_workers_changes_no_figure(url: str, folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "trust.db", tmp_path / "one.db")
    one = f"sqlite:///{tmp_path}/one.db"
    with sqlite3.connect(tmp_path / "one.db") as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM work_unit WHERE stage LIKE 'evaluate-%'")
    assert _figures(one, "deletion-sample", "deletion") == []
    out = command("precompute", "evaluate", "deletion", "--db", one, "--workers", 1).stdout
    assert _figures(one, "deletion-sample", "deletion") == _figures(url, "deletion-sample", "deletion")
    assert "P1: samples" in out
    for row in Reader(open_read_only(one)).evaluations.figures("deletion"):
        assert f"{100 * row.figures['difference']:.2f}" in out


def test_a_picture_that_is_gone_is_skipped_and_the_exit_code_says_so(folder: Path, url: str, tmp_path: Path) -> None:
    shutil.copy(folder / "trust.db", tmp_path / "gone.db")
    shutil.copytree(folder / "set", tmp_path / "set")
    sample = Reader(open_read_only(url)).evaluations.figures("faithfulness")[0].sample
    assert sample is not None
    (tmp_path / "set" / sample).unlink()
    with sqlite3.connect(tmp_path / "gone.db") as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("UPDATE run SET dataset = ?", (str(tmp_path / "set"),))
        connection.execute(
            "DELETE FROM work_unit WHERE stage = 'evaluate-faithfulness' AND key LIKE ?", (f"%{sample}",)
        )
    gone = f"sqlite:///{tmp_path}/gone.db"
    options = ("--samples-per-class", 1, "--steps", 6, "--workers", 1)
    answer = command("precompute", "evaluate", "faithfulness", "--db", gone, *options, check=False)
    assert answer.returncode == 3
    assert "skipped: 2 unit(s) of work failed" in answer.stderr
    assert len(Reader(open_read_only(gone)).evaluations.figures("faithfulness")) == (CLASSES - 1) * EXPLAINED


def test_groups_of_test_samples_are_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "trust.db", tmp_path / "all.db")
    shutil.copytree(folder / "trust.artifacts", tmp_path / "all.artifacts")
    url = f"sqlite:///{tmp_path}/all.db"
    options = ("--dataset", folder / "set", "--recipe", _recipe(tmp_path, "all"), "--db", url, "--workers", 1)
    arguments = ("precompute", "explain-global", *options)
    before = _groups(url)
    refused = command(*arguments, check=False)
    assert refused.returncode == 2
    assert "global.split train, now all" in refused.stderr.splitlines()[-1]
    assert _groups(url) == before
    command(*arguments, "--replace")
    assert _groups(url) != before
    with (
        open_stored(url, "explain-global") as context,
        pytest.raises(UserError, match=r"groups were formed on test samples; set explain.split = 'all' and"),
    ):
        evaluate_deletion(context)


def test_a_database_without_results_is_refused_in_one_line(tmp_path: Path) -> None:
    finish(create(f"sqlite:///{tmp_path}/empty.db"))
    for stage in ("explain-global", "explain-local"):
        with (
            pytest.raises(UserError, match=f"nothing to evaluate; run the stage {stage} first"),
            open_stored(f"sqlite:///{tmp_path}/empty.db", stage),
        ):
            pass
