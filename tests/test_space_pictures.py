"""Pictures that visitors send to the Space over bare HTTP: read as the Translator reads them."""

import base64
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.translate import STARTER_MODEL
from tests.builders import encode_image, make_picture
from tests.raw_http import RawSpaceClient, decode_pixels
from tests.recording_server import SAMPLE_PHOTO
from tests.space_clients import call_mcp_tool


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.from_pretrained(STARTER_MODEL)


def test_every_kind_of_picture_is_translated_as_by_the_translator(
    strict_client: RawSpaceClient, translator: Translator
):
    image = make_picture(60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgba = image.copy()
    rgba.putalpha(120)
    deep = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    files = {
        "phone.jpg": encode_image(image, "JPEG", exif=exif), "cut-out.png": encode_image(rgba),
        "gray.png": encode_image(image.convert("L")), "deep.png": encode_image(deep),
        "print.jpg": encode_image(image.convert("CMYK"), "JPEG"),
        "few.gif": encode_image(image, "GIF"), "new.avif": encode_image(image, "AVIF"),
        "wrong.txt": encode_image(image), "none": encode_image(image),
        "film.webp": encode_image(image, "WEBP", save_all=True, append_images=[rgba]),
    }  # fmt: skip
    results = {
        name: strict_client.download_pixels(strict_client.translate(content, name=name))
        for name, content in files.items()
    }
    for name, content in files.items():
        expected = decode_pixels(translator(content))
        np.testing.assert_array_equal(results[name], expected, err_msg=name)
    assert results["phone.jpg"].shape == (60, 40, 3)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("drawing.svg", b"<svg/>", "an SVG drawing"),
        ("photo.heic", b"\0\0\0\x14ftypheic\0\0\0\0heic", "a HEIC photo"),
        ("page.pdf", b"%PDF-1.4", "a PDF"),
        ("empty.png", b"", "not a picture"),
        ("cut.png", SAMPLE_PHOTO.read_bytes()[:20_000], "damaged or cut short"),
        ("large.png", encode_image(Image.new("1", (1001, 1000))), "1 megapixels"),
    ],
)
def test_a_file_that_is_not_read_is_refused_with_the_reason(
    strict_client: RawSpaceClient, name: str, content: bytes, reason: str
):
    assert reason in strict_client.translate(content, name=name).error


def test_visitors_at_the_same_time_get_their_own_picture(strict_space: str, translator: Translator):
    def visit(seed: int) -> tuple[str, bool]:
        content = encode_image(make_picture(70, 50, seed))
        with RawSpaceClient(strict_space) as client:
            result = client.translate(content, name="aerial.png")
            same = np.array_equal(
                client.download_pixels(result), decode_pixels(translator(content))
            )
            return result.data[0]["path"], same

    with ThreadPoolExecutor(3) as pool:
        paths, same = zip(*pool.map(visit, range(9)), strict=True)
    assert all(same)
    assert len(set(paths)) == 9, "each result has its own path, though the names are alike"


def test_a_picture_may_come_as_a_data_url(strict_client: RawSpaceClient, translator: Translator):
    content = SAMPLE_PHOTO.read_bytes()
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    result = strict_client.call({"path": None, "url": url}, "fit")
    expected = decode_pixels(translator(content))
    np.testing.assert_array_equal(strict_client.download_pixels(result), expected)
    for bad in ("data:image/png;base64,====", "data:,", "data:image/png;base64,AAAA"):
        assert strict_client.call({"path": None, "url": bad}, "fit").event == "error"


def test_a_picture_may_come_as_text_in_place_of_a_file(
    strict_client: RawSpaceClient, strict_space: str, translator: Translator
):
    content = SAMPLE_PHOTO.read_bytes()
    plain = base64.b64encode(content).decode()
    expected = decode_pixels(translator(content))
    forms = {
        "bare": plain,
        "in lines": base64.encodebytes(content).decode(),
        "for URLs": base64.urlsafe_b64encode(content).decode().rstrip("="),
        "data: URL": f"data:image/png;base64,{plain}",
        "no type": f"data:;base64,{plain}",
    }
    for name, text in forms.items():
        result = strict_client.call(text, "fit")
        np.testing.assert_array_equal(strict_client.download_pixels(result), expected, err_msg=name)
        agents = call_mcp_tool(strict_space, "translate", image=text)
        assert not agents.isError, (name, agents.content)
        picture = decode_pixels(base64.b64decode(agents.content[0].data))
        np.testing.assert_array_equal(picture, expected, err_msg=name)
    result = strict_client.call(list(forms.values())[2:], "fit", endpoint="translate_batch")
    assert result.data[2]["translated"] == 3, result.text
    agents = call_mcp_tool(strict_space, "translate_batch", files=[plain])
    assert "'translated': 1" in agents.content[0].text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a photo of a harbor", "neither a URL nor a picture in base64"),
        ("/etc/passwd", "neither a URL nor a picture in base64"),
        ("aGFyYm9y" * 9, "not a picture"),
        ("", "neither a URL nor a picture in base64"),
        ("data:,", "empty"),
        (base64.b64encode(bytes(1_000_001)).decode(), "larger than the 1 MB"),
    ],
    ids=["words", "path", "no-picture", "nothing", "empty", "large"],
)
def test_text_that_is_not_a_picture_is_refused(
    strict_client: RawSpaceClient, strict_space: str, text: str, reason: str
):
    assert reason in strict_client.call(text, "fit").error
    assert reason in call_mcp_tool(strict_space, "translate", image=text).content[0].text
