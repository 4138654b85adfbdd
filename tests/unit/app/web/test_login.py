"""Passwords."""

from base64 import b64decode
from pathlib import Path

import pytest
from fastapi import FastAPI, Response
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.__main__ import app as typer_app
from app.web.login import PasswordMiddleware
from app.web.passwords import hashed, matches, password_line, read_passwords, readable_by_others
from db.errors import UserError


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "users"
    path.write_text(content, encoding="utf-8")
    return path


def test_lines_are_users_and_passwords(tmp_path: Path) -> None:
    path = written(tmp_path, "# our team\nanna:mjölk:3%\n\nbo: space \n")
    assert read_passwords(path) == {"anna": "mjölk:3%", "bo": " space "}


@pytest.mark.parametrize(
    ("content", "place"),
    [("anna\n", "line 1"), ("a:b\n:x\n", "line 2"), ("a:\n", "line 1"), ("a:scrypt$AA==$AA==\n", "damaged hash")],
)
def test_malformed_line_is_named(tmp_path: Path, content: str, place: str) -> None:
    with pytest.raises(UserError, match=place):
        read_passwords(written(tmp_path, content))


def test_file_without_users_and_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names no user"):
        read_passwords(written(tmp_path, "\n"))
    with pytest.raises(UserError, match="cannot be read"):
        read_passwords(tmp_path / "absent")


def test_file_that_others_can_read_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, "a:b")
    path.chmod(0o600)
    assert not readable_by_others(path)
    path.chmod(0o644)
    assert readable_by_others(path)


def test_a_hashed_line_lets_in_its_password_alone_and_shows_nothing_of_it(tmp_path: Path) -> None:
    """Two lines of one password differ by their salts."""
    line = password_line("anna", "mjölk:3%")
    assert line != password_line("anna", "mjölk:3%")
    assert "mjölk" not in line
    stored = read_passwords(written(tmp_path, f"{line}\n"))["anna"]
    assert matches("mjölk:3%", stored)
    assert not any(matches(wrong, stored) for wrong in ("mjölk:3", "", stored))


def test_the_hash_is_scrypt() -> None:
    """The third test vector of RFC 7914, section 12 (N = 16384, r = 8, p = 1), its first 32 bytes."""
    expected = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    assert b64decode(hashed("pleaseletmein", b"SodiumChloride").split("$")[2]).hex() == expected


@pytest.mark.parametrize(
    ("name", "password"), [("an:na", "x"), ("#anna", "x"), (" ", "x"), ("an\nna", "x"), ("anna", "")]
)
def test_a_name_or_password_that_no_line_can_hold_is_refused(name: str, password: str) -> None:
    with pytest.raises(UserError):
        password_line(name, password)


def test_the_command_prints_a_line_for_a_password_from_a_pipe() -> None:
    answer = CliRunner().invoke(typer_app, ["password", "anna"], input="mjölk\n")
    user, _, stored = answer.stdout.strip().partition(":")
    assert user == "anna"
    assert matches("mjölk", stored)


def test_a_password_is_hashed_once_and_a_wrong_one_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser sends the password with every request."""
    tried: list[str] = []
    monkeypatch.setattr("app.web.login.matches", lambda given, stored: tried.append(given) or matches(given, stored))
    server = FastAPI()
    server.add_middleware(PasswordMiddleware, passwords={"anna": hashed("mjölk")})
    client = TestClient(server)
    assert [client.get("/", auth=("anna", "mjölk")).status_code for _ in range(3)] == [404] * 3
    assert [client.get("/", auth=("anna", "x")).status_code for _ in range(2)] == [401] * 2
    assert tried == ["mjölk", "x", "x"]


@pytest.mark.parametrize("stored", ["mjölk", hashed("mjölk")], ids=["plain", "hashed"])
def test_only_users_with_their_password_enter(stored: str) -> None:
    server = FastAPI()
    server.add_middleware(PasswordMiddleware, passwords={"anna": stored})

    @server.get("/media/x")
    def picture(response: Response) -> str:
        response.headers["Cache-Control"] = "public, immutable"
        return "here"

    client = TestClient(server)
    answer = client.get("/media/x", auth=("anna", "mjölk"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, immutable"
    for auth in [("anna", "x"), ("anna", ""), ("bo", "mjölk"), ("", ""), None]:
        answer = client.get("/media/x", auth=auth)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
    for header in ("Basic !!!", "Bearer x", "Basic", "Basic /w=="):
        assert client.get("/media/x", headers={"Authorization": header}).status_code == 401
