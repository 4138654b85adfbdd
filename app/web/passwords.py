"""Users and their salted password hashes (scrypt, RFC 7914), as they stand in a file."""

from __future__ import annotations

import base64
import hashlib
import secrets
from pathlib import Path

from db.errors import UserError

HASHED = "scrypt$"
COST, BLOCK, PARALLEL = 2**14, 8, 1  # RFC 7914's interactive use: 16 MiB and some 0.1 s a guess
NOBODY = f"{HASHED}{'0' * 24}${'0' * 44}"
"""What the password of an unknown user is compared with, so that an answer's time does not tell who has an account."""


def hashed(password: str, salt: bytes | None = None) -> str:
    """`scrypt$<salt>$<hash>`, both in base64; without `salt` a new one of 16 bytes."""
    salt = secrets.token_bytes(16) if salt is None else salt
    digest = hashlib.scrypt(password.encode(), salt=salt, n=COST, r=BLOCK, p=PARALLEL, dklen=32)
    return f"{HASHED}{base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def matches(password: str, stored: str) -> bool:
    """Whether that is the password of a stored line, hashed or plain; takes as long for a wrong one."""
    given = hashed(password, base64.b64decode(stored.split("$")[1])) if stored.startswith(HASHED) else password
    return secrets.compare_digest(given.encode(), stored.encode())


def password_line(user: str, password: str) -> str:
    """The line `user:scrypt$...` that lets a user in.

    Raises:
        UserError: a name that a line cannot hold, or an empty password.
    """
    if not user.strip() or user.startswith("#") or ":" in user or not user.isprintable():
        raise UserError(f"{user!r}: expected a name without a colon that does not begin with #")
    if not password:
        raise UserError(f"the password of {user} is empty; give one")
    return f"{user.strip()}:{hashed(password)}"


def read_passwords(path: Path) -> dict[str, str]:
    """Users by name, from lines `user:scrypt$...` or `user:password`; empty lines and those with # first are skipped.

    Raises:
        UserError: no such file, a line without a colon or with an empty half, a damaged hash, or no user at all.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); name a text file of lines user:password") from error
    passwords = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        user, separator, password = line.partition(":")
        if not (user.strip() and separator and password):
            raise UserError(f"{path}, line {number}: expected user:password")
        if password.startswith(HASHED) and not _is_hash(password):
            raise UserError(
                f"{path}, line {number}: damaged hash; python -m app password {user.strip()} prints a new line"
            )
        passwords[user.strip()] = password
    if not passwords:
        raise UserError(f"{path}: names no user; write one line user:password for each")
    return passwords


def _is_hash(stored: str) -> bool:
    try:
        parts = [base64.b64decode(part, validate=True) for part in stored.split("$")[1:]]
    except ValueError:
        return False
    return [len(part) for part in parts] == [16, 32]


def readable_by_others(path: Path) -> bool:
    """Whether anybody else on this machine may read the file."""
    return bool(path.stat().st_mode & 0o077)
