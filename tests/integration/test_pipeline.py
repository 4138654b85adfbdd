"""The offline job from its command line, on a small slice of the built-in sample set."""

import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from precompute.dataset.planted_set.writer import write_planted_set
from tests.tiny_recipe import RECIPE

PROJECT = Path(__file__).parent.parent.parent


def command(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], cwd=PROJECT, capture_output=True, text=True, check=check
    )


def explanations(url: str) -> dict[tuple[str, str, str], dict[str, object]]:
    lines = command("db", "export", "explanations", "--format", "jsonl", "--db", url).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return {(row["model"], row["sample"], row["target"]): row for row in rows}


@functools.cache
def explanations_of(url: str) -> dict[tuple[str, str, str], dict[str, object]]:
    """Of a database that no longer changes."""
    return explanations(url)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "a set with spaces"
    write_planted_set(folder, seed=0, train_per_class=4, test_per_class=2)
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, dataset: Path, recipe: Path) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('finished')}/finished.db"
    command("precompute", "run", "--dataset", dataset, "--recipe", recipe, "--db", url, "--workers", 1)
    return url


def test_five_models_are_trained_and_three_explained(finished: str) -> None:
    info = json.loads(command("db", "info", "--json", "--db", finished).stdout)
    assert [model["name"] for model in info["models"]] == [
        "image",
        "text",
        "feature_concatenation",
        "score_fusion",
        "embracenet",
    ]
    assert all(0 <= model["accuracy"] <= 1 for model in info["models"])
    assert info["explanations"] == len(explanations_of(finished))
    assert {model for model, _, _ in explanations_of(finished)} == {
        "feature_concatenation",
        "score_fusion",
        "embracenet",
    }


def test_intercept_and_weights_sum_to_the_surrogates_prediction(finished: str) -> None:
    for row in explanations_of(finished).values():
        total = row["intercept"] + sum(row["image_weights"]) + sum(row["text_weights"])
        assert row["surrogate_prediction"] == pytest.approx(total, abs=1e-5)


def test_probe_with_nothing_dropped_equals_the_exported_probability(finished: str) -> None:
    (model, sample, target), row = next(iter(explanations_of(finished).items()))
    answer = command("precompute", "probe", "--db", finished, "--model", model, "--sample", sample).stdout
    assert json.loads(answer)["probabilities"][target] == pytest.approx(row["probability"], abs=1e-6)


def test_probe_with_all_entries_dropped_equals_the_probability_without_text(finished: str) -> None:
    (model, sample, target), row = next(
        item for item in explanations_of(finished).items() if len(item[1]["entries"]) > 1
    )
    dropped = ",".join(map(str, range(len(row["entries"]))))
    answer = command(
        "precompute", "probe", "--db", finished, "--model", model, "--sample", sample, "--drop-entries", dropped
    ).stdout
    assert json.loads(answer)["probabilities"][target] == pytest.approx(row["probability_without_text"], abs=1e-6)


def test_the_number_of_workers_and_a_kill_change_no_number(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str
) -> None:
    url = f"sqlite:///{tmp_path}/killed.db"
    arguments = ["precompute", "run", "--dataset", dataset, "--recipe", recipe, "--db", url, "--workers", 2]
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)], cwd=PROJECT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    for _ in range(1200):
        time.sleep(0.1)
        if process.poll() is not None:
            pytest.fail("the run ended before it could be killed")
        if (tmp_path / "killed.db").exists() and _explained_samples(tmp_path / "killed.db") >= 3:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = _explained_samples(tmp_path / "killed.db")
    command(*arguments)
    assert 3 <= before < _explained_samples(tmp_path / "killed.db")
    assert explanations(url) == explanations_of(finished)


def test_another_batch_size_changes_weights_by_rounding_alone(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str
) -> None:
    other = tmp_path / "other.toml"
    other.write_text(recipe.read_text() + "batch_size = 7\n")
    url = f"sqlite:///{tmp_path}/other.db"
    command("precompute", "run", "--dataset", dataset, "--recipe", recipe, "--db", url, "--samples-per-class", 1)
    command("precompute", "run", "--dataset", dataset, "--recipe", other, "--db", url)
    found, expected = explanations(url), explanations_of(finished)
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row["seed"] == expected[key]["seed"]
        for field in ("image_weights", "text_weights"):
            assert row[field] == pytest.approx(expected[key][field], abs=1e-5)


def test_a_kill_while_superpixels_change_loses_nothing_for_good(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str
) -> None:
    shutil.copy(finished.removeprefix("sqlite:///"), tmp_path / "copy.db")
    shutil.copytree(Path(finished.removeprefix("sqlite:///")).with_suffix(".artifacts"), tmp_path / "copy.artifacts")
    coarser = tmp_path / "coarser.toml"
    coarser.write_text(recipe.read_text().replace("segments = 30", "segments = 12"))
    url = f"sqlite:///{tmp_path}/copy.db"
    arguments = ["precompute", "explain-local", "--dataset", dataset, "--db", url, "--replace", "--recipe"]
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments), str(coarser)],
        cwd=PROJECT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and _segmentations(tmp_path / "copy.db") < 2:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    command(*arguments, recipe)
    assert explanations(url) == explanations_of(finished)


def _segmentations(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(DISTINCT settings_hash) FROM segmentation").fetchone()[0])


def test_a_recipe_with_fewer_models_drops_the_others(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str
) -> None:
    shutil.copy(finished.removeprefix("sqlite:///"), tmp_path / "copy.db")
    shutil.copytree(Path(finished.removeprefix("sqlite:///")).with_suffix(".artifacts"), tmp_path / "copy.artifacts")
    fewer = tmp_path / "fewer.toml"
    fewer.write_text(
        recipe.read_text() + "".join(f"\n[[models]]\nname = '{kind}'\nkind = '{kind}'" for kind in ("image", "text"))
    )
    url = f"sqlite:///{tmp_path}/copy.db"
    arguments = ["precompute", "train", "--dataset", dataset, "--recipe", fewer, "--db", url]
    line = refused(*arguments)
    for name in ("feature_concatenation", "score_fusion", "embracenet"):
        assert name in line.split("would remove")[1]
    assert len(explanations_of(finished)) == int(line.split(" with ")[1].split(" explanations")[0])
    assert contents(url) == contents(finished)
    command(*arguments, "--replace")
    info = json.loads(command("db", "info", "--json", "--db", url).stdout)
    assert [model["name"] for model in info["models"]] == ["image", "text"]
    assert info["explanations"] == 0


def refused(*arguments: object) -> str:
    """The one line of a command that would remove finished results, and does not."""
    answer = command(*arguments, check=False)
    assert answer.returncode == 2
    (line,) = answer.stderr.strip().splitlines()
    assert "--replace" in line
    return line


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All finished results, with their keys: of the same run or of a copy that lost nothing."""
    tables = ("model", "sample", "prediction", "explanation", "global_group", "global_member", "evaluation")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        found = {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3").fetchall() for name in tables}
        marks = "SELECT stage, key, settings_hash, status, finished_at FROM work_unit ORDER BY id"
        return {**found, "work_unit": connection.execute(marks).fetchall()}


CHANGES = {
    "superpixels": ("explain-local", ("segments = 30", "segments = 12"), "explain.segments 30, now 12"),
    "training": ("train", ("epochs = 2", "epochs = 3"), "training.epochs 2, now 3"),
    "picture size": ("run", ("image_size = 64", "image_size = 96"), "towers.image_size 64, now 96"),
    "groups": ("explain-global", ("[explain]", "[global]\nsupport_least = 3\n[explain]"), "global.support_least 2"),
    "ranking": ("explain-global", ("[explain]", "[global]\nscore = 'sp_lime'\n[explain]"), "global.score normlime"),
    "a renamed model": (
        "train",
        (
            "[training]",
            "".join(
                f"[[models]]\nname = '{name}'\nkind = '{kind}'\n"
                for name, kind in (
                    ("picture", "image"),
                    ("text", "text"),
                    ("feature_concatenation", "feature_concatenation"),
                    ("score_fusion", "score_fusion"),
                    ("embracenet", "embracenet"),
                )
            )
            + "[training]",
        ),
        "models image+text+",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_finished_results_are_not_removed_unasked(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str, change: str
) -> None:
    stage, (old, new), words = CHANGES[change]
    shutil.copy(finished.removeprefix("sqlite:///"), tmp_path / "copy.db")
    shutil.copytree(Path(finished.removeprefix("sqlite:///")).with_suffix(".artifacts"), tmp_path / "copy.artifacts")
    assert old in recipe.read_text()
    (tmp_path / "other.toml").write_text(recipe.read_text().replace(old, new))
    url = f"sqlite:///{tmp_path}/copy.db"
    line = refused("precompute", stage, "--dataset", dataset, "--recipe", tmp_path / "other.toml", "--db", url)
    assert words in line
    assert contents(url) == contents(finished)


def test_another_data_set_is_refused_and_one_that_was_moved_is_not(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str
) -> None:
    shutil.copy(finished.removeprefix("sqlite:///"), tmp_path / "copy.db")
    shutil.copytree(Path(finished.removeprefix("sqlite:///")).with_suffix(".artifacts"), tmp_path / "copy.artifacts")
    url = f"sqlite:///{tmp_path}/copy.db"
    write_planted_set(tmp_path / "other", seed=1, train_per_class=2, test_per_class=1)
    arguments = ["precompute", "run", "--recipe", recipe, "--db", url, "--workers", 1, "--dataset"]
    line = refused(*arguments, tmp_path / "other")
    assert f"holds another data set, {dataset}" in line
    assert f"{len(explanations_of(finished))} explanations" in line
    assert contents(url) == contents(finished)
    shutil.copytree(dataset, tmp_path / "moved")
    answer = command(*arguments, tmp_path / "moved")
    assert f"the pictures of {dataset} lie in {tmp_path / 'moved'} now" in answer.stderr
    assert explanations(url) == explanations_of(finished)
    command("precompute", "ingest", "--recipe", recipe, "--db", url, "--dataset", tmp_path / "other", "--replace")
    info = json.loads(command("db", "info", "--json", "--db", url).stdout)
    assert (info["explanations"], info["samples"]) == (0, len(list((tmp_path / "other").glob("t*/*/*.jpg"))))


def test_a_change_of_the_sampling_is_made_where_that_is_asked_for(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str
) -> None:
    shutil.copy(finished.removeprefix("sqlite:///"), tmp_path / "copy.db")
    shutil.copytree(Path(finished.removeprefix("sqlite:///")).with_suffix(".artifacts"), tmp_path / "copy.artifacts")
    url = f"sqlite:///{tmp_path}/copy.db"
    arguments = ["precompute", "explain-local", "--dataset", dataset, "--recipe", recipe, "--db", url]
    arguments += ["--evaluations", 32, "--samples-per-class", 1]
    refused(*arguments)
    assert contents(url) == contents(finished)
    command(*arguments, "--replace")
    after = explanations(url)
    assert {row["image_evaluations"] for row in after.values()} != {
        row["image_evaluations"] for row in explanations_of(finished).values()
    }
    assert 0 < len(after) < len(explanations_of(finished)), "those of other settings are gone, also where not chosen"


def test_a_missing_checkpoint_is_told_in_one_line(tmp_path: Path, dataset: Path, recipe: Path, finished: str) -> None:
    shutil.copy(finished.removeprefix("sqlite:///"), tmp_path / "copy.db")
    (tmp_path / "copy.artifacts").mkdir()
    arguments = ["precompute", "explain-local", "--dataset", dataset, "--recipe", recipe, "--evaluations", 32]
    answer = command(*arguments, "--replace", "--db", f"sqlite:///{tmp_path}/copy.db", check=False)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert "checkpoint" in answer.stderr.splitlines()[-1]


def test_a_missing_or_damaged_checkpoint_is_trained_again_and_nothing_is_lost(
    tmp_path: Path, dataset: Path, recipe: Path, finished: str
) -> None:
    shutil.copy(finished.removeprefix("sqlite:///"), tmp_path / "copy.db")
    shutil.copytree(Path(finished.removeprefix("sqlite:///")).with_suffix(".artifacts"), tmp_path / "copy.artifacts")
    arguments = [
        "precompute",
        "train",
        "--dataset",
        dataset,
        "--recipe",
        recipe,
        "--db",
        f"sqlite:///{tmp_path}/copy.db",
    ]
    checkpoint = next((tmp_path / "copy.artifacts/models").glob("feature_concatenation-*.safetensors"))
    content = checkpoint.read_bytes()
    for damaged in (None, content[:100], content[:-1] + bytes([content[-1] ^ 1])):
        checkpoint.unlink()
        if damaged is not None:
            checkpoint.write_bytes(damaged)
        command(*arguments)
        assert checkpoint.read_bytes() == content
    url = f"sqlite:///{tmp_path}/copy.db"
    assert explanations(url) == explanations_of(finished)
    (run,) = json.loads(command("db", "info", "--json", "--db", url).stdout)["runs"]
    assert run["finished_at"], "a stage that ran again leaves a finished run finished"


def test_an_own_model_that_is_edited_predicts_anew(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "own.toml").write_text("[[models]]\nname = 'mine'\nkind = 'own'\nentry_point = 'mine:Mine'\n")
    classes = sorted(path.name for path in (dataset / "train").iterdir() if path.is_dir())
    said = []
    for place in (0, 1):
        (tmp_path / "mine.py").write_text(
            f"import torch\n\nclass Mine:\n    classes = {classes}\n    def predict(self, images, entries):\n"
            f"        return torch.eye({len(classes)})[[{place}] * len(images)]\n"
        )
        options = ["--dataset", dataset, "--recipe", tmp_path / "own.toml", "--db", f"sqlite:///{tmp_path}/own.db"]
        for stage in ("ingest", "train"):
            command("precompute", stage, *options)
        with sqlite3.connect(tmp_path / "own.db") as connection:
            said.append(connection.execute("SELECT DISTINCT category_id FROM prediction").fetchall())
    assert [len(found) for found in said] == [1, 1]
    assert said[0] != said[1]


def _explained_samples(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        try:
            return int(connection.execute("SELECT count(DISTINCT sample_id) FROM explanation").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_more_samples_a_class_keep_the_first_ones(tmp_path: Path, dataset: Path, recipe: Path, finished: str) -> None:
    url = f"sqlite:///{tmp_path}/few.db"
    arguments = ["precompute", "run", "--dataset", dataset, "--recipe", recipe, "--db", url, "--samples-per-class"]
    command(*arguments, 1)
    few = explanations(url)
    command(*arguments, 2)
    more = explanations(url)
    assert len({sample for _, sample, _ in more}) == 2 * len({sample for _, sample, _ in few})
    assert all(more[key] == row for key, row in few.items())
    assert more == explanations_of(finished)
    before = contents(url)
    command(*arguments, 1)
    assert contents(url) == before, "a smaller number keeps what is there"


def test_a_changed_picture_alone_is_explained_again(tmp_path: Path, dataset: Path, recipe: Path) -> None:
    copy = tmp_path / "set"
    shutil.copytree(dataset, copy)
    url = f"sqlite:///{tmp_path}/changed.db"
    arguments = ["precompute", "run", "--dataset", copy, "--recipe", recipe, "--db", url, "--samples-per-class", 1]
    command(*arguments)
    before = explanations(url)
    sample = next(iter(before))[1]
    other = next(path for _, path, _ in before if path.split("/")[1] != sample.split("/")[1])
    shutil.copy(copy / other, copy / sample)
    command(*arguments)
    after = explanations(url)
    assert {path for _, path, _ in after} == {path for _, path, _ in before}
    unchanged = {key: row for key, row in before.items() if key[1] != sample}
    assert {key: after[key] for key in unchanged} == unchanged
    assert all(after.get(key) != row for key, row in before.items() if key[1] == sample)


def test_a_broken_picture_is_skipped_listed_and_told_by_the_exit_code(
    tmp_path: Path, dataset: Path, recipe: Path
) -> None:
    copy = tmp_path / "set"
    shutil.copytree(dataset, copy)
    broken = sorted((copy / "test").rglob("*.jpg"))[0]
    broken.write_bytes(broken.read_bytes()[:2000])
    url = f"sqlite:///{tmp_path}/broken.db"
    arguments = ["precompute", "ingest", "--dataset", copy, "--recipe", recipe, "--db", url]
    answer = command(*arguments, check=False)
    assert answer.returncode == 3
    status = command("precompute", "status", "--db", url).stdout
    assert broken.name in status


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["run", "--dataset", "/nowhere"], "/nowhere"),
        (["run", "--dataset", ".", "--recipe", "nonsense.toml"], "nonsense.toml"),
        (["probe", "--model", "x", "--sample", "y", "--db", "sqlite:////nowhere/x.db"], "/nowhere/x.db"),
        (["status", "--db", "nonsense"], "nonsense"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments: list[str], words: str) -> None:
    answer = command("precompute", *arguments, check=False)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--model", "nobody", "--sample", "x"], "nobody"),
        (["--model", "embracenet", "--sample", "test/none.jpg"], "test/none.jpg"),
        (["--model", "embracenet", "--sample", "SAMPLE", "--drop-segments", "999"], "--drop-segments 999"),
        (["--model", "embracenet", "--sample", "SAMPLE", "--drop-entries", "a"], "--drop-entries a"),
    ],
)
def test_probe_names_what_it_does_not_find(finished: str, arguments: list[str], words: str) -> None:
    sample = next(iter(explanations_of(finished)))[1]
    answer = command(
        "precompute",
        "probe",
        "--db",
        finished,
        *[sample if part == "SAMPLE" else part for part in arguments],
        check=False,
    )
    assert answer.returncode == 2
    assert words in answer.stderr
