"""The routes of pictures: what they answer and how long it may be kept."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image, ImageOps
from starlette.testclient import TestClient

from app.databases import Database, open_databases
from app.routes.media import FOREVER, media_router
from app.routes.media_addresses import (
    crop_address,
    group_crops_address,
    heat_address,
    heat_sheet_address,
    picture_address,
    sprite_address,
    tile_address,
)
from app.tabs.global_explanations.group_lists import CELLS, SHOWN_CROPS, ordered_members
from db.records.explanations import Modality
from tests.example_database import build

SAMPLE = "test/Arla-Mjölk/x_000.jpg"
TRAIN = "train/Arla-Mjölk/x_003.jpg"
MODEL, LABEL = "score_fusion", "Arla-Mjölk"


def addresses(database: Database) -> dict[str, str]:
    explanation = database.explanations(MODEL, SAMPLE)[0]
    detail = database.sample(SAMPLE)
    assert detail is not None
    return {
        "display": picture_address(database, detail.pictures["display"].digest, "display", SAMPLE),
        "thumbnail": picture_address(database, detail.pictures["thumbnail"].digest, "thumbnail", SAMPLE),
        "sprite": sprite_address(database, "Arla-Mjölk", "test"),
        "image": heat_address(database, explanation, "image"),
        "text": heat_address(database, explanation, "text"),
        "multimodal": heat_address(database, explanation, "multimodal"),
        "tile": tile_address(database, MODEL, SAMPLE).replace("{view}", "multimodal"),
        "sheet": heat_sheet_address(database, MODEL, LABEL, "test").replace("{view}", "multimodal"),
        "superpixel": crop_address(database, "image", SAMPLE, 3),
        "entry": crop_address(database, "text", SAMPLE, 1),
        "parts": group_crops_address(database, MODEL, "Zeta-Juice", "image"),
    }


KINDS = [
    "display",
    "thumbnail",
    "sprite",
    "image",
    "text",
    "multimodal",
    "tile",
    "sheet",
    "superpixel",
    "entry",
    "parts",
]


@pytest.mark.parametrize("kind", KINDS)
def test_picture_may_be_kept_for_ever_and_is_confirmed_by_its_tag(
    client: TestClient, database: Database, kind: str
) -> None:
    address = addresses(database)[kind]
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == FOREVER
    if kind == "text":
        assert answer.headers["content-type"].startswith("image/svg+xml")
    else:
        assert Image.open(io.BytesIO(answer.content)).size[0] > 0
    again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == answer.headers["etag"]
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_outdated_version_is_answered_but_must_not_be_kept(client: TestClient, database: Database, kind: str) -> None:
    parts = addresses(database)[kind].split("/")
    parts[2] = "0" * 12
    answer = client.get("/".join(parts))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


def test_threshold_and_sign_change_picture_and_tag(client: TestClient, database: Database) -> None:
    address = addresses(database)["multimodal"]
    answers = [
        client.get(f"{address}&threshold={threshold}&signed={signed}") for threshold in (0.2, 0.9) for signed in (0, 1)
    ]
    assert len({answer.content for answer in answers}) == 4
    assert len({answer.headers["etag"] for answer in answers}) == 4


def test_image_view_of_the_label_map_has_the_weights_colours(client: TestClient, database: Database) -> None:
    explanation = database.explanations(MODEL, SAMPLE)[0]
    content = client.get(addresses(database)["image"] + "&threshold=0.2&signed=0").content
    alpha = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))[..., 3]
    stored = database.reader.pictures.label_map(SAMPLE)
    assert stored is not None
    labels = np.asarray(Image.open(io.BytesIO(stored.content)))
    largest = explanation.largest_weight
    shown = {int(segment) for segment in np.unique(labels) if explanation.image_weights[segment] >= 0.2 * largest}
    assert {int(segment) for segment in np.unique(labels[alpha > 0])} == shown


@pytest.mark.parametrize(
    "address",
    [
        "media/nope/x/display?sample=a",
        "media/example/x/display?sample=a",
        "media/example/x/sprite?class=nope&split=test",
        f"media/example/x/heat/image?model=nope&sample={SAMPLE}&target=Arla-Mjölk",
        f"media/example/x/heat/image?model={MODEL}&sample={SAMPLE}&target=nope",
        f"media/example/x/tile/image?model={MODEL}&sample={TRAIN}",
        f"media/example/x/heat-sheet/image?model={MODEL}&class={LABEL}&split=train",
        f"media/example/x/heat-sheet/image?model={MODEL}&class=nope&split=test",
        f"media/example/x/part/text?sample={SAMPLE}&feature=99",
        f"media/example/x/part/image?sample={SAMPLE}&feature=9999",
        f"media/example/x/part/image?sample={TRAIN}&feature=0",
        f"media/example/x/parts/image?model={MODEL}&class=nope",
    ],
)
def test_what_is_not_stored_is_not_found(client: TestClient, address: str) -> None:
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("query", ["threshold=2", "threshold=x", "signed=maybe"])
def test_malformed_parameters_are_refused(client: TestClient, database: Database, query: str) -> None:
    assert client.get(f"{addresses(database)['multimodal']}&{query}").status_code == 422


def test_sample_with_300_superpixels_is_drawn(client: TestClient, database: Database) -> None:
    sample = "test/Zeta-Juice/x_000.jpg"
    for explanation in database.explanations(MODEL, sample):
        for view in ("image", "text", "multimodal"):
            assert client.get(heat_address(database, explanation, view)).status_code == 200


def test_version_changes_when_the_database_does(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'changing.db'}"
    build(url)
    database = open_databases([url])["changing"]
    before = database.version()
    assert database.version() == before
    from db.session import create, finish
    from db.write.writer import Writer

    engine = create(url)
    writer = Writer(engine)
    writer.start_run(settings={}, settings_hash="other", seed=1, versions={}, dataset="/data/other", artifacts="other")
    finish(engine)
    assert database.version() != before


@pytest.mark.parametrize("modality", ["image", "text"])
def test_parts_of_a_class_come_in_one_picture(client: TestClient, database: Database, modality: Modality) -> None:
    label = "Zeta-Juice"
    groups = database.groups(MODEL, label, modality)
    answer = client.get(group_crops_address(database, MODEL, label, modality))
    sheet = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
    width, height = CELLS[modality]
    assert sheet.shape == (height * len(groups), width * SHOWN_CROPS, 3)
    for row, group in enumerate(groups):
        first = ordered_members(group)[0]
        single = client.get(crop_address(database, modality, first.sample, first.feature)).content
        crop = ImageOps.contain(Image.open(io.BytesIO(single)), (width, height))
        middle = sheet[row * height + height // 2, width // 2]
        assert abs(middle - np.asarray(crop)[crop.height // 2, crop.width // 2]).max() < 40


def test_part_without_its_photograph_leaves_its_cell_grey(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'example.db'}"
    build(url)
    database = open_databases([url])["example"]
    first, *_ = ordered_members(database.groups(MODEL, "Zeta-Juice", "image")[0])
    with sqlite3.connect(tmp_path / "example.db") as connection:
        connection.execute(
            "DELETE FROM picture WHERE kind = 'display' AND sample_id = (SELECT id FROM sample WHERE path = ?)",
            [first.sample],
        )
    server = FastAPI()
    server.include_router(media_router({"example": database}))
    answer = TestClient(server).get(group_crops_address(database, MODEL, "Zeta-Juice", "image"))
    assert answer.status_code == 200
    width, height = CELLS["image"]
    cell = np.asarray(Image.open(io.BytesIO(answer.content)))[8 : height - 8, 8 : width - 8].astype(int)
    assert abs(cell - 128).max() < 8
