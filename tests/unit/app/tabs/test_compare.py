"""The Compare tab: one sample, one class, and confusions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from fastapi import FastAPI
from scipy.stats import spearmanr
from sqlalchemy import text
from starlette.testclient import TestClient

from app.databases import Database, open_databases
from app.routes.media import media_router
from app.routes.view import view_router
from app.templating import signed_number
from db.session import create, finish
from tests.example_database import build
from tests.unit.app.fragment import client_of, fragment

SAMPLE = "test/Zeta-Juice/x_000.jpg"
WRONG = "test/Zeta-Juice/x_001.jpg"
MODELS = ("feature_concatenation", "score_fusion", "embracenet")


@pytest.fixture(scope="module")
def two_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The example, and the same with other words read."""
    folder = tmp_path_factory.mktemp("two")
    urls = [f"sqlite:///{folder / name}.db" for name in ("first", "second")]
    for url in urls:
        build(url)
    engine = create(urls[1])
    with engine.begin() as connection:
        connection.execute(text("UPDATE ocr_entry SET text = text || '!' WHERE sample_id > 1"))
    finish(engine)
    databases = open_databases(urls)
    server = FastAPI()
    server.include_router(view_router(databases, None))
    with TestClient(server) as client:
        yield client


def weights(database: Database, model: str, path: str) -> np.ndarray:
    found = database.explanations(model, path)[0]
    return np.concatenate([found.image_weights, found.text_weights])


def test_every_explained_model_stands_in_a_row_with_its_answer(client: TestClient, database: Database) -> None:
    elements, state = fragment(client, "compare", sample=SAMPLE)
    assert state["sample"] == SAMPLE
    for model in MODELS:
        assert model in elements.text
        assert f"Heat map of the picture parts, {model}" in elements.attributes("alt")
    assert elements.text.count("says Zeta-Juice") == 3


def test_all_pictures_share_one_scale(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "compare", sample=SAMPLE)
    heats = [parse_qs(urlsplit(address).query) for address in elements.attributes("data-heat")]
    every = np.concatenate([weights(database, model, SAMPLE) for model in MODELS])
    assert len(heats) == 6
    assert {heat["largest"][0] for heat in heats} == {f"{every.max():.6g}"}
    assert {heat["largest_signed"][0] for heat in heats} == {f"{np.abs(every).max():.6g}"}


def test_rank_correlations_are_those_of_the_weights(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "compare", sample=SAMPLE)
    for first, second in combinations(MODELS, 2):
        expected = spearmanr(weights(database, first, SAMPLE), weights(database, second, SAMPLE)).statistic
        assert signed_number(expected, 2) in elements.text


def test_most_disputed_features_are_outlined_and_numbered(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "compare", sample=SAMPLE)
    stacked = np.stack([weights(database, model, SAMPLE) for model in MODELS])
    widest = int(np.argmax(stacked.max(axis=0) - stacked.min(axis=0)))
    parts = len(database.explanations(MODELS[0], SAMPLE)[0].image_weights)
    crop = next(src for src in elements.attributes("src") if "/part/" in src)
    modality, feature = ("image", widest) if widest < parts else ("text", widest - parts)
    assert f"/part/{modality}?" in crop
    assert parse_qs(urlsplit(crop).query)["feature"] == [str(feature)]
    assert set(elements.attributes("data-dispute")) == set("123456")


def test_models_that_answer_differently_are_compared_on_the_true_class(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    build(url)
    engine = create(url)
    with engine.begin() as connection:
        change = "UPDATE explanation SET kind = CASE kind WHEN 'predicted' THEN 'true' ELSE 'predicted' END"
        narrow = "kind <> 'runner_up' AND model_id = 3 AND sample_id = (SELECT id FROM sample WHERE path = :path)"
        connection.execute(text(f"{change} WHERE {narrow}"), {"path": WRONG})
    finish(engine)
    with client_of(url) as client:
        own, _ = fragment(client, "compare", sample=WRONG)
        assert "do not explain the same class" in own.text
        true, _ = fragment(client, "compare", sample=WRONG, about="true")
        assert "do not explain the same class" not in true.text
        assert "what spoke for Zeta-Juice" in true.text
        assert {parse_qs(urlsplit(heat).query)["target"][0] for heat in true.attributes("data-heat")} == {"Zeta-Juice"}


def test_two_databases_stand_side_by_side(two_databases: TestClient) -> None:
    elements, _ = fragment(two_databases, "compare", sample="test/Arla-Mjölk/x_000.jpg", db="second")
    assert "score_fusion · first" in elements.text
    assert "score_fusion · second" in elements.text
    assert elements.text.count("largely the same order") >= 3  # the same model in both
    other, _ = fragment(two_databases, "compare", sample=SAMPLE, db="second")
    assert other.text.count("the two databases cut this sample into other parts or words") == 9
    one_class, _ = fragment(two_databases, "compare", compare="class", **{"class": "Zeta-Juice"})
    assert "embracenet · second" in one_class.text


@pytest.mark.parametrize("compare", ["sample", "class"])
def test_one_model_alone_is_said_to_have_nothing_beside_it(tmp_path: Path, compare: str) -> None:
    url = f"sqlite:///{tmp_path / 'one.db'}"
    build(url, models=1)
    with client_of(url) as client:
        elements, _ = fragment(client, "compare", compare=compare)
    assert "nothing to compare it with" in elements.text
    assert "feature_concatenation" in elements.text


def test_class_shows_each_model_s_groups_and_how_shares_go_together(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "compare", compare="class", **{"class": "Zeta-Juice"})
    shares = [
        [one.image_share for one in database.reader.explanations.image_shares(model, "Zeta-Juice")] for model in MODELS
    ]
    for first, second in combinations(shares, 2):
        assert signed_number(spearmanr(first, second).statistic, 2) in elements.text
    assert elements.text.count("Picture part 1") == 3
    assert "MJOLK" in elements.text


def test_confusion_matrix_holds_every_pair_and_leads_to_samples(client: TestClient, database: Database) -> None:
    elements, _ = fragment(client, "compare", compare="confusion", model="score_fusion")
    (classes,) = (json.loads(value) for value in elements.attributes("data-classes"))
    (cells,) = (json.loads(value) for value in elements.attributes("data-cells"))
    labels = [label for label, _, _ in classes]
    assert labels == ["Oat & <i>Rye</i>", "Arla-Mjölk", "Zeta-Juice"]  # by family: bread, milk, none
    stored = {(one.label, one.predicted): one.count for one in database.reader.models.confusion("score_fusion")}
    assert {(labels[row], labels[column]): count for row, column, count in cells} == stored
    wrong = [pair for pair in stored if pair[0] != pair[1]]
    for true, said in wrong:
        leads = [parse_qs(href.lstrip("?")) for href in elements.attributes("href") if "shown=confused" in href]
        assert any(lead["class"] == [true] and lead["rival"] == [said] for lead in leads)
    pairs = [href for href in elements.attributes("href") if "pair=" in href]
    assert len(pairs) == len(wrong)
    assert all("scope=model" in href for href in pairs)


def test_segments_and_scaled_heat_maps_are_served(databases: dict[str, Database]) -> None:
    server = FastAPI()
    server.include_router(media_router(databases))
    server.include_router(view_router(databases, None))
    with TestClient(server) as client:
        sample, _ = fragment(client, "sample", sample=SAMPLE)
        (address,) = sample.attributes("data-segments")
        answer = client.get(f"/{address}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert "immutable" in answer.headers["cache-control"]
        compare, _ = fragment(client, "compare", sample=SAMPLE)
        heat = compare.attributes("data-heat")[0]
        pictures = {client.get(f"/{heat}&threshold=0&colours={colours}").content for colours in ("jet", "cividis")}
        assert len(pictures) == 2
        assert client.get(f"/{heat}&colours=nope").status_code == 422
        assert client.get(f"/{heat.replace('largest=', 'largest=-')}").status_code == 422


def test_a_model_too_faint_for_the_common_scale_says_so(client: TestClient, database: Database) -> None:
    page, _ = fragment(client, "compare", sample=SAMPLE)
    notes = [attributes for _, attributes in page.tags if attributes.get("class") == "faint"]
    found = [database.explanations(model, SAMPLE)[0] for model in MODELS]
    positive = [max(one.image_weights.max(), one.text_weights.max(), 0) for one in found]
    absolute = [max(abs(one.image_weights).max(), abs(one.text_weights).max()) for one in found]
    for name, sizes in (("data-importance", positive), ("data-signed", absolute)):
        shown = [float(attributes[name] or "nan") for attributes in notes]
        assert shown == pytest.approx([size / max(sizes) for size in sizes], abs=1e-4)
