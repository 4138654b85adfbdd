"""What a file's name says of its content."""

from __future__ import annotations

from pathlib import PurePosixPath

READ = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"})
UNREAD = frozenset(
    {".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".jpf", ".jpx", ".tga", ".psd", ".svg", ".ico", ".cur"}
    | {".icns", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".exr", ".hdr", ".pbm", ".pnm", ".pcx"}
    | {".sgi", ".rgb", ".xbm", ".xpm", ".eps", ".wmf", ".emf", ".dds", ".apng", ".mpo", ".xcf", ".qoi"}
)
"""Pictures that other programs write and none of our few decoders reads."""


def is_picture(path: str) -> bool:
    """Whether a file's name says that it is a picture that can be read."""
    return PurePosixPath(path).suffix.lower() in READ


def is_unread_picture(path: str) -> bool:
    """Whether a file's name says that it is a picture of a kind that is not read."""
    return PurePosixPath(path).suffix.lower() in UNREAD
