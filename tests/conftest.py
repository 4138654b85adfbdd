"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgresql_server
from tests.example_database import build

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # there is a worker for each core: more threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

PROJECT = Path(__file__).parent.parent
settings.register_profile("busy", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no worker is left with one of them at the end."""
    folders = ("integration", "browser", "unit")
    items.sort(key=lambda item: folders.index(item.path.relative_to(PROJECT / "tests").parts[0]))


def _shared(*names: str) -> Path:
    data = Path(os.environ.get("SHELFLENS_DATA", PROJECT.parent / "shared" / "data"))
    path = data.joinpath(*names)
    if not path.exists():
        pytest.skip(f"{path} is absent; set SHELFLENS_DATA to the folder that holds it")
    return path


@pytest.fixture(scope="session")
def groceries() -> Path:
    return _shared("grocery-packages")


@pytest.fixture(scope="session")
def finegrainocr() -> Path:
    return _shared("finegrainocr-samples")


@pytest.fixture(scope="session")
def tiles() -> Path:
    return _shared("magnetic-tiles")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    return _shared("..", "models")


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'explanations.db'}"


@pytest.fixture(scope="session")
def example_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished SQLite file with 3 classes of 4 samples and 3 models, see tests/example_database.py."""
    path = tmp_path_factory.mktemp("example") / "explanations.db"
    build(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def embedding_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with an embedding classifier and its activation maps."""
    path = tmp_path_factory.mktemp("embedding") / "explanations.db"
    build(f"sqlite:///{path}", embedding=True)
    return path


@pytest.fixture
def small_database(database_url: str, tmp_path: Path, example_file: Path) -> str:
    """The URL of a copy of `example_file` that the test may change."""
    shutil.copy(example_file, tmp_path / "explanations.db")
    return database_url


@pytest.fixture(scope="session")
def postgresql_server_url() -> Iterator[str]:
    """The URL of a database on a server where databases may be created: $SHELFLENS_TEST_POSTGRESQL or a private one."""
    if given := os.environ.get("SHELFLENS_TEST_POSTGRESQL"):
        yield given
        return
    binaries = postgresql_server.find_binaries()
    if binaries is None:
        missing = "no PostgreSQL: apt-get install postgresql, or set SHELFLENS_TEST_POSTGRESQL to a server's URL"
        (pytest.fail if os.environ.get("SHELFLENS_REQUIRE_SYSTEM") else pytest.skip)(missing)
    with postgresql_server.serve(binaries) as url:
        yield f"{url}/postgres"


@pytest.fixture
def postgresql_url(postgresql_server_url: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    with postgresql_server.new_database(postgresql_server_url) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new database, on each engine in turn."""
    fixture = "database_url" if request.param == "sqlite" else "postgresql_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def example_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the example database on each engine in turn, shared by the tests that only read it."""
    if request.param == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('example_file')}"
        return
    with postgresql_server.new_database(request.getfixturevalue("postgresql_server_url")) as url:
        build(url)
        yield url
