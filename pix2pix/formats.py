"""Lists the picture formats that are read, and recognizes other files by their first bytes."""

import re
from collections.abc import Mapping

# An allowlist: Pillow's other readers are rarely needed, and some start programs (EPS does).
READABLE_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM")
# The usual suffixes of these formats. They select the pictures in a folder; a file that the user
# names is read whatever its suffix.
PICTURE_SUFFIXES = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".gif", ".webp", ".tif", ".tiff",
    ".bmp", ".avif", ".avifs", ".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c",
    ".ppm", ".pgm", ".pbm", ".pnm",
))  # fmt: skip
HEAD_BYTES = 1024
CAMERA_RAW = "a camera raw file; export it as JPEG or PNG"
SVG = "an SVG drawing; export it as PNG"
WEB_PAGE = "a web page; save the picture itself"
# Pattern of a file's first bytes -> the kind of file, and what to do with it. `.` is any byte.
UNREADABLE_KINDS = {
    rb"\s*%PDF-": "a PDF; export the page as PNG",
    rb"8BP[SB]": "a Photoshop file; export it as PNG",
    rb"gimp xcf": "a GIMP file; export it as PNG",
    rb"%!PS|\xc5\xd0\xd3\xc6": "a PostScript drawing; export it as PNG",
    rb"\xff\x0a|\x00\x00\x00\x0cJXL ": "a JPEG XL picture; export it as PNG",
    rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)": (
        "a HEIC photo; export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)"
    ),
    rb"....ftypcrx |FUJIFILMCCD-RAW|II(RO|RS|U\x00)|MMOR|II\*\x00....CR": CAMERA_RAW,
    rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI |\x00\x00\x01[\xb3\xba]": (
        "a video; save a frame of it as PNG"
    ),
    rb"PK\x03\x04|7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b": (
        "an archive; unpack it and choose a picture in it"
    ),
}
# TIFF tags: the first marks a picture as a preview, the second a file as a digital negative.
SUBFILE_TYPE, DNG_VERSION = 254, 50706


def describe_unreadable_kind(head: bytes) -> str | None:
    """Returns the kind of a file that can't be read, with advice, or None for any other file.

    An example is "a PDF; export the page as PNG". Files of `READABLE_FORMATS` and files that are
    not recognized give None. `head` holds the first HEAD_BYTES bytes of the file.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        is_page = b"<html" in text or b"<!doc" in text
        return SVG if b"<svg" in text else WEB_PAGE if is_page else None
    brands = head[8 : int.from_bytes(head[:4])] if head[4:8] == b"ftyp" else b""
    if b"avif" in brands or b"avis" in brands:
        return None
    for pattern, description in UNREADABLE_KINDS.items():
        if re.match(pattern, head, re.DOTALL):
            return description
    return None


def is_camera_raw(tags: Mapping) -> bool:
    """Returns whether a TIFF file is a camera raw file that begins with a preview.

    `tags` are those of its first picture.
    """
    return DNG_VERSION in tags or tags.get(SUBFILE_TYPE) == 1
