"""The map of picture-part groups on the Global tab."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.databases import Database
from db.read.reader import Reader
from db.schema.tables import GlobalGroup
from db.session import create, finish, open_read_only
from tests.example_database import build
from tests.unit.app.fragment import client_of, fragment


def test_groups_of_the_class_and_of_its_rivals_stand_on_the_map(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'map.db'}"
    build(url)
    engine = create(url)
    with Session(engine) as session:
        groups = session.scalars(select(GlobalGroup).where(GlobalGroup.modality == "image")).all()
        for group in groups:
            group.centroid = np.random.default_rng(group.id).normal(size=16).astype(np.float32)
        session.commit()
    finish(engine)
    found = Reader(open_read_only(url)).groups.centroids("score_fusion")
    assert list(zip(found.labels, found.ranks, strict=True)) == sorted(zip(found.labels, found.ranks, strict=True))
    assert found.vectors.shape == (len(found.labels), 16)
    with client_of(url) as client:
        elements, _ = fragment(client, "global", model="score_fusion", **{"class": "Zeta-Juice"})
    assert "Which picture parts look alike?" in elements.text
    links = [attributes for tag, attributes in elements.tags if tag == "a"]
    dots = [link for link in links if "picture part" in str(link.get("aria-label"))]
    assert len(dots) == len(found.labels)
    kinds = {str(dot["aria-label"]).split(":")[0]: dot["class"] for dot in dots}
    assert kinds == {"Zeta-Juice": "own", "Arla-Mjölk 1 l": "rival-1", "Oat & <i>Rye</i>": "rival-2"}
    own = next(dot for dot in dots if dot["class"] == "own")
    assert parse_qs(str(own["href"]).lstrip("?"))["class"] == ["Zeta-Juice"]


def test_every_part_of_the_class_is_a_dot_in_its_group_s_colour_that_leads_to_its_photograph(
    client: TestClient, database: Database
) -> None:
    elements, state = fragment(client, "global", **{"class": "Zeta-Juice"})
    points = database.reader.groups.part_places(state["model"], "Zeta-Juice")
    assert {point.rank for point in points} == {None, 1, 2}
    links = [attributes for tag, attributes in elements.tags if tag == "a" and "focus=" in str(attributes.get("href"))]
    dots = [link for link in links if link.get("class") in ("none", "group-1", "group-2")]
    assert len(dots) == len(points)
    for point in points:
        kind = "none" if point.rank is None else f"group-{point.rank}"
        (dot,) = [
            dot
            for dot in dots
            if parse_qs(str(dot["href"]).lstrip("?"))["sample"] == [point.sample]
            and parse_qs(str(dot["href"]).lstrip("?"))["focus"] == [f"image-{point.feature}"]
        ]
        assert dot["class"] == kind


def test_without_centroids_there_is_no_map(client: TestClient) -> None:
    elements, _ = fragment(client, "global", **{"class": "Zeta-Juice"})
    assert "look alike?" not in elements.text
