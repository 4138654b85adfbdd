"""Two arrows only: app -> db <- precompute; and the browser starts without the offline job's libraries."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent
FORBIDDEN = {
    "app": {"precompute", "torch", "transformers", "sklearn"},
    "db": {"app", "precompute"},
    "precompute": {"app", "gradio"},
}
MOST_LINES = {".py": 300, ".js": 400, ".css": 400}


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_package_imports_nothing_that_its_arrow_forbids(package: str) -> None:
    files = list((PROJECT / package).rglob("*.py"))
    assert files
    for path in files:
        assert not _imported(path) & FORBIDDEN[package], path


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_no_module_leads_back_to_itself(package: str) -> None:
    """Imports inside functions and for types count, too."""
    files = {_module(path): path for path in (PROJECT / package).rglob("*.py")}
    graph = {name: sorted(_modules(path) & files.keys() - {name}) for name, path in files.items()}
    order = graphlib.TopologicalSorter(graph)
    order.prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("package", ["app", "precompute"])
def test_db_alone_speaks_to_the_database(package: str) -> None:
    for path in (PROJECT / package).rglob("*.py"):
        assert not _imported(path) & {"sqlalchemy", "sqlite3", "sqlite_utils", "psycopg", "alembic"}, path
        tables = {name for name in _modules(path) if name.startswith("db.schema")}
        assert not tables, f"{path}: {tables}; db/read and db/write hand over records"


def test_no_file_is_longer_than_a_reader_takes_in_at_once() -> None:
    """The schema and its migrations are exempt: one table after another."""
    folders = [PROJECT / name for name in (*FORBIDDEN, "tests", "assets")]
    lengths = {
        str(path.relative_to(PROJECT)): (len(path.read_text(encoding="utf-8").splitlines()), MOST_LINES[path.suffix])
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in MOST_LINES and PROJECT / "db" / "schema" not in path.parents
    }
    assert {name: length for name, (length, most) in lengths.items() if length > most} == {}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def _modules(path: Path) -> set[str]:
    """Names that may be modules: `from a.b import c` imports a.b, and a.b.c where that is one."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_the_offline_job_decodes_pictures_in_one_module_alone() -> None:
    opens = re.compile(r"\bImage\.open\(|\bimport_module\(.PIL|\b(cv2|imageio|matplotlib\.image)\b|\bimread\(")
    files = [path for path in (PROJECT / "precompute").rglob("*.py") if opens.search(path.read_text("utf-8"))]
    assert files == [PROJECT / "precompute" / "dataset" / "decoding.py"]


def test_the_server_starts_without_reading_or_writing_gradios_stub_files() -> None:
    watch = (
        "import sys; sys.addaudithook(lambda name, of: name == 'open' and str(of[0]).endswith('.pyi') and print(of))"
    )
    code = f"{watch}; import inspect; find = inspect.getfile; import app.web.server; assert inspect.getfile is find"
    answer = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert answer.stdout == ""


def test_the_browser_starts_without_the_libraries_of_the_offline_job() -> None:
    code = f"import sys, app.__main__, app.web.server; print(*sorted({FORBIDDEN['app']} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == ""
