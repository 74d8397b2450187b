"""The Space's components: read in our way, also after an event updated them."""

import asyncio
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio.data_classes import ImageData
from gradio.state_holder import SessionState
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.pixels.gate import open_image
from pix2pix.space.components import Choice, FilesInput, JsonText, PhotoInput, Upload
from pix2pix.space.html_components import CompareSlider, SampleCards, empty_slider
from pix2pix.space.security.calls import SecureBlocks
from tests.builders import make_picture

COMPONENTS = {
    "photo": (PhotoInput, {"max_file_mb": 1, "label": "Photo", "elem_id": "photo"}, "image"),
    "files": (FilesInput, {"max_files": 2, "max_file_mb": 1, "label": "Files"}, "file"),
    "choice": (Choice, {"choices": ["fit", "full"], "label": "mode"}, "radio"),
    "json": (JsonText, {"label": "info"}, "json"),
    "slider": (CompareSlider, {"value": empty_slider("nothing"), "elem_id": "s"}, "html"),
    "cards": (SampleCards, {"value": {"cards": []}, "card_width": 76}, "html"),
}


@pytest.fixture
def deep_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A 16-bit gray PNG among the uploads, which Gradio's own reading turns white."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    gray = np.asarray(make_picture(60, 40).convert("L"), np.uint16)
    path = tmp_path / "deep.png"
    Image.fromarray(gray * 257).save(path)
    return path


@pytest.mark.parametrize(("cls", "options", "name"), COMPONENTS.values(), ids=COMPONENTS)
def test_the_page_shows_it_as_the_component_it_comes_from(cls: type, options: dict, name: str):
    component = cls(**options)
    assert component.get_block_name() == name
    config = component.get_config()
    base = cls.__base__(
        **{key: options[key] for key in options if not key.startswith(("max", "card"))}
    )
    assert base.get_config().keys() - config.keys() == set()
    assert config.get("label") == options.get("label")


@pytest.mark.parametrize(("cls", "options", "name"), COMPONENTS.values(), ids=COMPONENTS)
def test_it_is_built_again_from_its_constructor_arguments(cls: type, options: dict, name: str):
    """Gradio does so when an event updates a component for one session."""
    component = cls(**options)
    rebuilt = type(component)(**component.constructor_args | {"visible": False, "render": False})
    before, after = component.get_config(), rebuilt.get_config()
    assert after.pop("visible") is False
    assert {key: before[key] for key in after} == after
    for option in ("max_file_mb", "max_files", "card_width"):
        assert getattr(rebuilt, option, None) == options.get(option)


def test_gradios_own_input_loses_a_16_bit_picture(deep_picture: Path):
    """The reason for `PhotoInput`: without it, the next test would show white."""
    payload = ImageData(path=str(deep_picture))
    read = gr.Image(type="pil").preprocess(payload)
    assert not np.array_equal(np.asarray(read), np.asarray(open_image(deep_picture)))


def test_a_photo_input_that_an_event_updated_still_returns_the_file(deep_picture: Path):
    seen: list[Upload] = []
    with SecureBlocks() as space:
        photo = PhotoInput(max_file_mb=1)
        gr.Button().click(lambda: gr.Image(label="Another"), None, photo)
        gr.Button().click(seen.append, photo, None)
    file = {"path": str(deep_picture), "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}

    async def visit() -> SessionState:
        state = SessionState(space)
        await space.process_api(0, [], state=state)
        await space.process_api(1, [file], state=state)
        return state

    state = asyncio.run(visit())
    assert state[photo._id] is not photo, "the event has rebuilt the component for the session"
    assert state[photo._id].label == "Another"
    assert seen[0].name == "a.png"
    assert Path(seen[0].path).read_bytes() == deep_picture.read_bytes()


def test_files_keep_the_names_that_the_visitor_knows_them_by():
    meta = {"_type": "gradio.FileData"}
    files = [
        {"path": "/x/1.png", "orig_name": "C:\\photos\\a\n.png", "meta": meta},
        {"path": "/x/b.png", "meta": meta},
    ]
    component = FilesInput(max_files=2, max_file_mb=1)
    assert component.preprocess(files) == [
        Upload("a?.png", "/x/1.png"),
        Upload("b.png", "/x/b.png"),
    ]
    assert component.preprocess(None) == []
    with pytest.raises(UserError, match="These are 3 files, more than the 2"):
        component.receive(files + files[:1])


def test_a_choice_defaults_to_the_first_and_names_the_others():
    choice = Choice(["fit", "full"], label="mode")
    assert choice.preprocess(None) == "fit"
    assert choice.preprocess("full") == "full"
    with pytest.raises(UserError, match="The mode 'best' is unknown; choose one of fit, full."):
        choice.preprocess("best")


def test_importing_the_components_writes_no_stub_files():
    folder = Path(__file__).parent.parent / "pix2pix"
    assert list(folder.rglob("*.pyi")) == []
