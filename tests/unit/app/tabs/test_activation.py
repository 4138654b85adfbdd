"""Activation maps in the browser: what is drawn, what can be chosen, and what the tabs say."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from app.databases import Database, open_databases
from app.drawing.colours import colour_table
from app.drawing.maps import draw_map
from app.routes.media import media_router
from app.routes.media_addresses import map_address
from app.routes.view import view_router
from app.tabs.activation.tab import DEFAULT, pick, written
from db.records.activation import MapSetting
from tests.example_activation import NAME, TOPS
from tests.example_database import build

SAMPLE = "test/Arla-Mjölk/x_000.jpg"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Database]:
    url = f"sqlite:///{tmp_path_factory.mktemp('maps') / 'forest.db'}"
    build(url, embedding=True)
    return open_databases([url])


@pytest.fixture(scope="module")
def client(databases: dict[str, Database]) -> Iterator[TestClient]:
    server = FastAPI()
    server.include_router(media_router(databases))
    server.include_router(view_router(databases, None))
    with TestClient(server) as client:
        yield client


def fragment(client: TestClient, slot: str, **query: str) -> str:
    answer = client.get(f"/view/{slot}", params={"model": NAME, "sample": SAMPLE, **query})
    assert answer.status_code == 200
    return answer.json()["html"]


def picture(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGBA"))


def test_map_is_smooth_stretched_and_cut_at_the_threshold() -> None:
    drawn = picture(draw_map(np.array([[0, 1]], np.float32), (100, 50), 0.5, "jet"))
    assert drawn.shape == (50, 100, 4)
    assert (drawn[:, :50, 3] == 0).all() and (drawn[:, 51:, 3] == 255).all()
    assert (drawn[25, 99, :3] == colour_table(False)[255]).all()
    assert len(np.unique(drawn[25, 50:, :3], axis=0)) > 10


def test_route_draws_the_stored_map(client: TestClient, databases: dict[str, Database]) -> None:
    database = databases["forest"]
    setting = MapSetting("forecast", "TOZ", "grad-cam", 2, 5)
    stored = database.reader.activation.map(NAME, SAMPLE, setting)
    detail = database.sample(SAMPLE)
    assert stored is not None and detail is not None
    address = map_address(database, NAME, SAMPLE, written(setting))
    answer = client.get(f"{address}&threshold=0")
    assert answer.headers["content-type"] == "image/png"
    drawn = picture(answer.content)
    assert max(drawn.shape[:2]) == 256
    assert drawn.shape[1] / drawn.shape[0] == pytest.approx(detail.width / detail.height, rel=0.02)
    down, across = np.unravel_index(stored.values.argmax(), stored.values.shape)
    row = int((down + 0.5) / stored.values.shape[0] * drawn.shape[0])
    column = int((across + 0.5) / stored.values.shape[1] * drawn.shape[1])
    assert (np.abs(drawn[row, column, :3].astype(int) - colour_table(False)[255]) < 30).all()
    assert client.get(map_address(database, NAME, SAMPLE, "forecast.TZZ.grad-cam.9.5")).status_code == 404


def test_what_the_address_names_is_shown_and_what_it_misnames_is_not() -> None:
    settings = [MapSetting("forecast", s, "grad-cam", g, t) for s in ("TZZ", "TRR") for g in (1, 4) for t in (1, 13)]
    assert pick(settings, "forecast.TRR.grad-cam.1.1") == MapSetting("forecast", "TRR", "grad-cam", 1, 1)
    for unknown in (None, "", "forecast.TZZ", "x.y.z.1.2"):
        assert pick(settings, unknown) == DEFAULT


def test_every_choice_leads_to_a_stored_map(client: TestClient, databases: dict[str, Database]) -> None:
    stored = {written(one) for one in databases["forest"].reader.activation.settings(NAME, SAMPLE)}
    for setting in ("forecast.TZZ.grad-cam.4.13", "forecast.selected.hires-cam.combined.0", "class.TZZ.grad-cam.1.3"):
        html = fragment(client, "maps", map=setting)
        values = re.findall(r'<option value="([^"]+)"', html)
        assert set(values) <= stored
        assert re.findall(r'<option value="([^"]+)" selected', html) == [setting] * html.count("<select")
    tops = re.findall(r">top (\d+)<", fragment(client, "maps", map="forecast.TZZ.grad-cam.4.13"))
    assert [int(top) for top in tops] == sorted(TOPS)


def test_changing_one_choice_keeps_the_others(client: TestClient) -> None:
    html = fragment(client, "maps", map="forecast.TOZ.hires-cam.2.5")
    for kept in ("forecast.TOZ.hires-cam.3.5", "forecast.TZZ.hires-cam.2.5", "forecast.TOZ.grad-cam.2.5"):
        assert f'value="{kept}"' in html
    assert 'value="forecast.selected.hires-cam.2.0"' in html  # which takes no number


def test_grid_holds_every_strategy_and_stage(client: TestClient) -> None:
    html = fragment(client, "maps")
    assert html.count("<td><a data-go") == 5 * 5
    assert html.count('aria-current="true"') == 1


def test_empty_map_says_so(client: TestClient) -> None:
    assert "This map is empty" in fragment(client, "maps", map="forecast.TZZ.grad-cam.4.1")
    assert "This map is empty" not in fragment(client, "maps")


def test_fusion_has_a_map_and_a_model_without_maps_has_no_part(client: TestClient) -> None:
    assert "what speaks for the class" in fragment(client, "maps", model="feature_concatenation")
    assert fragment(client, "maps", model="score_fusion") == ""


def test_sample_of_an_embedding_classifier_speaks_of_no_words(client: TestClient) -> None:
    html = fragment(client, "sample")
    assert "Recognised correctly" in html
    assert "Words on the pack" not in html and "not explained" not in html


def test_only_samples_with_maps_are_offered(client: TestClient, databases: dict[str, Database]) -> None:
    paths = {sample.path for sample in databases["forest"].reader.samples.of_class("Zeta-Juice", NAME)}
    mapped = databases["forest"].reader.activation.mapped_samples(NAME, "Zeta-Juice")
    assert mapped and mapped < paths
    query = {"model": NAME, "class": "Zeta-Juice"}
    strip = client.get("/view/strip", params=query).json()["html"]
    assert strip.count("data-sample=") == len(mapped)
    assert client.get("/view/sample", params=query).json()["state"]["sample"] in mapped


def test_features_of_a_class_lead_to_pictures(client: TestClient) -> None:
    html = fragment(client, "global", **{"class": "Arla-Mjölk"})
    assert "Feature 5" in html and "in the top 13 of 3 of 3 answers" in html
    assert html.count("data-go") >= 3


def test_model_page_shows_table_2_and_where_the_maps_point(client: TestClient) -> None:
    html = fragment(client, "global", scope="model", **{"class": "Arla-Mjölk"})
    assert "0.180 ± 0.020" in html  # TZZ at 13 features
    assert "Best on the marked training pictures: top features alone, top 5, layer 2" in html
    assert "Picture parts (LIME)" in html
    assert 'class="current"' in html
