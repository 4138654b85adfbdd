"""The endpoints, called by gradio_client from another process than the server's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from db.read.reader import Reader
from db.session import open_read_only
from tests.browser.conftest import served
from tests.example_database import build

SAMPLE = "test/Zeta-Juice/x_001.jpg"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('endpoints') / 'example.db'}"
    build(url)
    return url


@pytest.fixture(scope="module")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served("--db", url) as address:
        yield Client(address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


def test_only_the_six_endpoints_are_offered(client: Client) -> None:
    offered = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    assert set(offered) == {"/classes", "/samples", "/explanation", "/global", "/modality", "/search"}


def test_classes(client: Client) -> None:
    classes = client.predict("score_fusion", api_name="/classes")
    assert [entry["label"] for entry in classes] == ["Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice"]
    assert classes[2]["accuracy"] == pytest.approx(2 / 3)


def test_samples_of_one_split(client: Client) -> None:
    samples = client.predict("Zeta-Juice", "score_fusion", "test", api_name="/samples")
    assert [entry["sample"] for entry in samples] == [f"test/Zeta-Juice/x_{i:03}.jpg" for i in range(3)]
    assert samples[1]["predicted"] == "Arla-Mjölk"


def test_explanation_has_the_stored_weights(client: Client, url: str) -> None:
    stored = Reader(open_read_only(url)).explanations.of("score_fusion", SAMPLE)
    answered = client.predict("score_fusion", SAMPLE, api_name="/explanation")
    assert [entry["kind"] for entry in answered] == ["predicted", "true", "runner_up"]
    for entry, explanation in zip(answered, stored, strict=True):
        assert entry["image_weights"] == pytest.approx(explanation.image_weights.tolist())
        assert entry["text_weights"] == pytest.approx(explanation.text_weights.tolist())
        assert len(entry["entries"]) == len(explanation.text_weights)


def test_global_groups_of_one_modality_and_of_both(client: Client) -> None:
    both = client.predict("score_fusion", "Zeta-Juice", api_name="/global")
    text = client.predict("score_fusion", "Zeta-Juice", "text", api_name="/global")
    assert {group["modality"] for group in both} == {"image", "text"}
    assert [group["name"] for group in text] == [group["name"] for group in both if group["modality"] == "text"]


def test_global_groups_name_the_classes_that_share_them(client: Client) -> None:
    first = client.predict("score_fusion", "Zeta-Juice", "image", api_name="/global")[0]
    assert first["also_in"] == ["Arla-Mjölk"]


def test_global_without_a_class_is_the_whole_model(client: Client) -> None:
    image, text = client.predict("score_fusion", api_name="/global")
    assert (image["modality"], text["modality"]) == ("image", "text")
    assert image["deletion"]["interval"] == [0.17, 0.39]
    assert image["shared"][0]["classes"] == ["Arla-Mjölk", "Zeta-Juice"]
    (untested,) = client.predict("embracenet", "", "text", api_name="/global")
    assert (untested["deletion"], untested["shared"]) == (None, [])


def test_modality_of_one_class(client: Client) -> None:
    shares = client.predict("score_fusion", "Zeta-Juice", api_name="/modality")
    assert len(shares) == 3
    assert all(0 <= share["image_share"] <= 1 for share in shares)


def test_search_leads_from_a_misspelt_word_to_weights(client: Client, url: str) -> None:
    (found,) = client.predict("bset before", api_name="/search")
    assert found["spelling"] == "best before"
    assert set(found["classes"]) == {"Arla-Mjölk", "Oat & <i>Rye</i>", "Zeta-Juice"}
    hit = found["hits"][0]
    (stored,) = (
        one
        for one in Reader(open_read_only(url)).explanations.of("score_fusion", hit["sample"])
        if one.kind == "predicted"
    )
    weights = {one["model"]: one["weight"] for one in hit["weights"]}
    assert weights["score_fusion"] == pytest.approx(float(stored.text_weights[hit["position"]]))
    assert client.predict("nosuchword", api_name="/search") == []


def test_unknown_database_is_named(client: Client) -> None:
    with pytest.raises(AppError, match="no database 'nope'"):
        client.predict("score_fusion", "", "nope", api_name="/modality")


@pytest.mark.parametrize(
    ("endpoint", "names", "said"),
    [
        ("/samples", {"label": "nope"}, "no class 'nope'"),
        ("/samples", {"label": "Zeta-Juice", "split": "x"}, "split is train, test or empty"),
        ("/explanation", {"model": "nope", "sample": "test/Zeta-Juice/x_000.jpg"}, "no model 'nope'"),
        ("/explanation", {"model": "score_fusion", "sample": "nope"}, "no sample 'nope'"),
        ("/global", {"model": "score_fusion", "modality": "x"}, "modality is image, text or empty"),
        ("/modality", {"model": "nope"}, "no model 'nope'; there are .*score_fusion"),
        ("/classes", {"model": "nope"}, "no model 'nope'"),
    ],
)
def test_unknown_names_are_told(client: Client, endpoint: str, names: dict[str, str], said: str) -> None:
    with pytest.raises(AppError, match=said):
        client.predict(**names, api_name=endpoint)


def test_files_of_the_server_are_not_given_out(client: Client, url: str) -> None:
    import httpx

    database = Path(url.removeprefix("sqlite:///"))
    for path in (
        f"/gradio_api/file={database}",
        "/gradio_api/file=/etc/passwd",
        "/page-files/x/..%2f..%2fpyproject.toml",
    ):
        assert httpx.get(client.src.rstrip("/") + path).status_code in (403, 404)


def test_nothing_can_be_uploaded(client: Client) -> None:
    import httpx

    answer = httpx.post(client.src.rstrip("/") + "/gradio_api/upload", files={"files": b"x"})
    assert answer.status_code == 404
