"""Passwords."""

from pathlib import Path

import pytest
from fastapi import FastAPI, Response
from starlette.testclient import TestClient

from app.web.login import PasswordMiddleware, read_passwords, readable_by_others
from db.errors import UserError


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "users"
    path.write_text(content, encoding="utf-8")
    return path


def test_lines_are_users_and_passwords(tmp_path: Path) -> None:
    path = written(tmp_path, "# our team\nanna:mjölk:3%\n\nbo: space \n")
    assert read_passwords(path) == {"anna": "mjölk:3%", "bo": " space "}


@pytest.mark.parametrize(("content", "place"), [("anna\n", "line 1"), ("a:b\n:x\n", "line 2"), ("a:\n", "line 1")])
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


def test_only_users_with_their_password_enter() -> None:
    server = FastAPI()
    server.add_middleware(PasswordMiddleware, passwords={"anna": "mjölk"})

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
