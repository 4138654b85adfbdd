"""What failed is said as such, not as what is still to come; a figure of a part of the samples says of how many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from db.session import create, finish
from tests.example_database import build
from tests.stored_rows import RowStore
from tests.unit.app.fragment import client_of, fragment

MODEL, LABEL, SAMPLE = "score_fusion", "Zeta-Juice", "test/Zeta-Juice/x_000.jpg"


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One sample's explanation failed, and the predictions of the class's test samples."""
    url = f"sqlite:///{tmp_path_factory.mktemp('failed') / 'failed.db'}"
    build(url)
    engine = create(url)
    model = "(SELECT id FROM model WHERE name = :model)"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"DELETE FROM explanation WHERE model_id = {model}"
                " AND sample_id IN (SELECT id FROM sample WHERE path = :sample)"
            ),
            {"model": MODEL, "sample": SAMPLE},
        )
        connection.execute(
            text(
                f"DELETE FROM prediction WHERE model_id = {model}"
                " AND sample_id IN (SELECT id FROM sample WHERE path LIKE :samples)"
            ),
            {"model": MODEL, "samples": f"test/{LABEL}/%"},
        )
    store = RowStore(engine, 1)
    store.fail("explain-local", f"{MODEL}|{SAMPLE}", "KeyError: 'BOOM'")
    store.fail("predict", f"{MODEL}|test/{LABEL}", "OSError: the disk\nis gone")
    finish(engine)
    with client_of(url) as client:
        yield client


def test_a_sample_whose_work_failed_says_why(failed: TestClient) -> None:
    elements, _ = fragment(failed, "sample", model=MODEL, sample=SAMPLE, **{"class": LABEL})
    assert "Explaining failed: KeyError: 'BOOM'." in elements.text
    assert "Predicting failed: OSError: the disk is gone." in elements.text
    assert "yet" not in elements.text
    other, _ = fragment(failed, "sample", model="embracenet", sample=SAMPLE, **{"class": LABEL})
    assert "ing failed" not in other.text


def test_the_overview_counts_what_failed_apart_from_what_was_skipped(failed: TestClient, client: TestClient) -> None:
    elements, _ = fragment(failed, "overview")
    assert "3 units of work failed · 1 file or line was skipped; python -m precompute status" in elements.text
    whole, _ = fragment(client, "overview")
    assert "1 unit of work failed · 1 file or line was skipped" in whole.text


def test_accuracy_of_a_part_of_the_test_samples_says_of_how_many(failed: TestClient, client: TestClient) -> None:
    elements, _ = fragment(failed, "overview")
    assert elements.text.count("on 6 of 9 test samples") == 1
    whole, _ = fragment(client, "overview")
    assert "of 9 test samples" not in whole.text
