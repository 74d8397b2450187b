"""Which picture files are read, and what other files are: told by their first bytes alone."""

import re
from collections.abc import Mapping

# Named, since Pillow's other readers are rarely met and some of them start programs (EPS does).
READ = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM")
HEAD_BYTES = 1024
RAW = "a camera's raw file; export it as JPEG or PNG"
SVG = "an SVG drawing; export it as PNG"
PAGE = "a web page; save the picture itself"
# What a file that starts so is. `.` is any byte.
STARTS = {
    rb"\s*%PDF-": "a PDF; export the page as PNG",
    rb"8BP[SB]": "a Photoshop file; export it as PNG",
    rb"gimp xcf": "a GIMP file; export it as PNG",
    rb"%!PS|\xc5\xd0\xd3\xc6": "a PostScript drawing; export it as PNG",
    rb"\xff\x0a|\x00\x00\x00\x0cJXL ": "a JPEG XL picture; export it as PNG",
    rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)": (
        "a HEIC photo; export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)"
    ),
    rb"....ftypcrx |FUJIFILMCCD-RAW|II(RO|RS|U\x00)|MMOR|II\*\x00....CR": RAW,
    rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI |\x00\x00\x01[\xb3\xba]": (
        "a video; save a frame of it as PNG"
    ),
    rb"PK\x03\x04|7z\xbc\xaf\x27\x1c|Rar!|\x1f\x8b": (
        "an archive; unpack it and choose a picture in it"
    ),
}
# Tags of a TIFF's first picture: that it is a preview, and that the file is a digital negative.
SUBFILE_TYPE, DNG_VERSION = 254, 50706


def other_kind(head: bytes) -> str | None:
    """What a known file that is none of `READ` is and what to do: "a PDF; export the page as PNG".

    None for those of `READ` and for the unknown. `head` are the file's first HEAD_BYTES.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        return SVG if b"<svg" in text else PAGE if b"<html" in text or b"<!doc" in text else None
    brands = head[8 : int.from_bytes(head[:4])] if head[4:8] == b"ftyp" else b""
    if b"avif" in brands or b"avis" in brands:
        return None
    return next((said for start, said in STARTS.items() if re.match(start, head, re.DOTALL)), None)


def is_raw(tags: Mapping) -> bool:
    """Whether a TIFF with these `tags` is a camera's raw file that shows its preview first."""
    return DNG_VERSION in tags or tags.get(SUBFILE_TYPE) == 1
