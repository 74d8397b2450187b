"""The Translate tab: translates one picture and compares the result with it."""

import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.labels import Labels, with_article
from pix2pix.pixels.gate import notes_of
from pix2pix.space.components import (
    INSTANT_EVENT,
    MODE_CHOICES,
    PROGRESS_INTERVAL,
    TRANSLATION_EVENT,
    Upload,
    explain_modes,
    photo_input,
    require_photo,
)
from pix2pix.space.html_components import (
    CompareSlider,
    SampleCards,
    empty_slider,
    example_cards,
    one_picture,
    progress_bar,
    result_note,
    two_pictures,
)
from pix2pix.space.pair_upload import (
    describe_closeness,
    describe_pair,
    input_and_target,
    looks_like_pair,
)
from pix2pix.space.result_files import safe_stem, save_png, save_preview
from pix2pix.space.served_models import ServedModels
from pix2pix.space.settings import Settings

STOPPED = "<p>Stopped: there is no result.</p>"


class TranslateTab:
    """The tab's components and their events.

    Attributes:
        load_outputs: the outputs of `load`, for other tabs that load a sample.
        run: the event of the translation, for other tabs to cancel it.
    """

    def __init__(
        self, models: ServedModels, settings: Settings, heading: gr.Markdown, model: gr.Radio
    ):
        """Builds the tab; its words and the page's `heading` are those of the chosen `model`."""
        self.models, self.heading, self.model = models, heading, model
        labels = models.labels(models.names[0])
        self.prompt = gr.Markdown(_prompt(labels))
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                self._build_input(labels, settings)
            with gr.Column(min_width=300):
                self._build_result(labels)
        if any(models.samples.values()):
            gr.Markdown("### Held-out pictures to try")
        self.examples = SampleCards(
            self._examples(models.names[0]), card_width=76, elem_id="examples"
        )
        self._connect()

    def _build_input(self, labels: Labels, settings: Settings) -> None:
        self.photo = photo_input(settings, labels.short_source.capitalize(), "photo")
        with gr.Column(visible=False, elem_id="pair") as self.pair:
            self.offer = gr.Markdown()
            with gr.Row():
                self.accept = gr.Button(size="md")
                refuse = gr.Button("Keep it whole", size="md")
        refuse.click(lambda: gr.Column(visible=False), None, self.pair, **INSTANT_EVENT)
        self.mode = gr.Radio(
            MODE_CHOICES, value="fit", label="Resolution", info=explain_modes(self.models.default)
        )
        with gr.Row():
            self.start = gr.Button("Translate", variant="primary", scale=3)
            self.cancel = gr.Button("Cancel", interactive=False, scale=1, min_width=100)
        self.note = gr.HTML(elem_id="note", min_height=48)

    def _build_result(self, labels: Labels) -> None:
        self.result = CompareSlider(_no_result(labels), elem_id="result")
        self.download = gr.DownloadButton(
            _download_label(labels), interactive=False, variant="primary", elem_id="download"
        )
        # The path of the real picture. The server keeps it, so that no path from a browser is read.
        self.truth = gr.State()
        self.against = CompareSlider(empty_slider(""), elem_id="against", visible=False)

    def _connect(self) -> None:
        result = [self.result, self.note, self.download, self.against]
        buttons = [self.start, self.cancel]
        waiting = self.start.click(self._show_waiting, None, [*buttons, self.note], **INSTANT_EVENT)
        self.run = waiting.then(
            self._translate, [self.photo, self.mode, self.truth, self.model], result,
            show_progress="minimal", show_progress_on=self.note, api_visibility="private",
            **TRANSLATION_EVENT,
        )  # fmt: skip
        # Gradio treats a canceled run as a failed one.
        self.run.failure(self._show_stopped, None, [*buttons, self.note], **INSTANT_EVENT)
        self.run.success(self._show_idle, None, buttons, **INSTANT_EVENT)
        self.cancel.click(
            self._show_stopped, None, [*buttons, self.note], cancels=self.run, **INSTANT_EVENT
        )
        reset = [*result, *buttons, self.truth, self.pair]
        self.load_outputs = [*reset, self.photo]
        changes = [
            event(self._reset, self.model, reset, cancels=self.run, **INSTANT_EVENT)
            for event in (self.photo.upload, self.photo.clear)
        ]
        changes.append(self.model.input(
            self._switch, [self.model, self.truth],
            [*self.load_outputs, self.heading, self.prompt, self.mode, self.examples],
            cancels=self.run, **INSTANT_EVENT,
        ))  # fmt: skip
        for change in changes:
            reading = change.then(
                self._offer_pair, [self.photo, self.model], [self.pair, self.offer, self.accept],
                show_progress="hidden", api_visibility="private",
            )  # fmt: skip
            # A file that is refused would stay in the input as the icon of a broken picture.
            reading.failure(lambda: None, None, self.photo, **INSTANT_EVENT)
        self.accept.click(
            self._halve, [self.photo, self.model], self.load_outputs, cancels=self.run,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
        self.examples.select(
            self._pick, self.model, self.load_outputs, cancels=self.run, **INSTANT_EVENT
        )

    def load(self, model: str, name: str) -> dict:
        """Returns updates of `load_outputs` that show a sample's input and real picture."""
        sample = next((s for s in self.models.samples.get(model, []) if s.name == name), None)
        if sample is None:
            raise UserError("This sample does not exist; reload the page.")
        updates = self._reset(model) | {self.photo: str(sample.input)}
        return updates | self._show_real(model, str(sample.target))

    def _show_real(self, model: str, truth: str) -> dict:
        """Returns updates that show the real picture until there is a result to compare."""
        name = self.models.labels(model).real.capitalize()
        return {
            self.truth: truth,
            self.against: CompareSlider(one_picture(name, truth), visible=True),
        }

    def _translate(
        self, photo: Upload | None, mode: str, truth: str | None, model: str
    ) -> Iterator[dict]:
        upload, labels = require_photo(photo), self.models.labels(model)
        started = last_progress = time.perf_counter()
        image = self.models.read(model, upload.path, is_rgb=truth is not None)
        for done, total, translation in self.models[model].iter_rgb(image, mode):
            now = time.perf_counter()
            if translation:
                path = save_png(translation, f"{safe_stem(upload.name)}-{labels.short_result}")
                yield self._show_result(image, translation, path, labels, now - started) | (
                    self._compare_with_real(translation, path, truth, model)
                )
            elif now - last_progress > PROGRESS_INTERVAL:
                last_progress = now
                yield {self.note: progress_bar(done, total, now - started)}

    def _show_result(
        self, photo: Image.Image, result: Image.Image, path: str, labels: Labels, seconds: float
    ) -> dict:
        names = (labels.short_source.capitalize(), labels.short_result.capitalize())
        paths = (save_preview(photo), path)
        return {
            self.result: two_pictures(names, paths, photo.size),
            self.download: gr.DownloadButton(value=path, interactive=True),
            self.note: result_note(result, seconds, notes_of(photo)),
        }

    def _compare_with_real(
        self, translation: Image.Image, path: str, truth: str | None, model: str
    ) -> dict:
        """Returns an update that compares with the real picture, where its file still exists."""
        if not truth or not Path(truth).is_file():
            return {}
        real = self.models.read(model, truth, is_rgb=True)
        if real.size != translation.size:
            return {}
        labels = self.models.labels(model)
        names = (labels.short_result.capitalize(), labels.real.capitalize())
        caption = describe_closeness(translation, real, labels)
        return {self.against: CompareSlider(two_pictures(names, (path, truth), real.size, caption))}

    def _reset(self, model: str) -> dict:
        """Returns updates that clear everything about the previous picture."""
        labels = self.models.labels(model)
        return {
            self.result: _no_result(labels),
            self.against: CompareSlider(visible=False),
            self.truth: None,
            self.note: "",
            self.download: gr.DownloadButton(
                _download_label(labels), value=None, interactive=False
            ),
            self.pair: gr.Column(visible=False),
        } | self._show_idle()

    def _switch(self, model: str, truth: str | None) -> dict:
        """Returns updates that fit the page to the model.

        An uploaded picture stays; the input of a pair goes, unless it is one for all models.
        """
        labels = self.models.labels(model)
        titles = {self.models.labels(name).title for name in self.models.names}
        name = labels.short_source.capitalize()
        goes = truth and len(titles) > 1
        return self._reset(model) | {
            self.heading: f"# {labels.heading}",
            self.prompt: _prompt(labels),
            self.photo: gr.Image(None, label=name) if goes else gr.Image(label=name),
            self.mode: gr.Radio(info=explain_modes(self.models[model])),
            self.examples: self._examples(model),
        }

    def _pick(self, model: str, event: gr.EventData) -> dict:
        return self.load(model, event.name)

    def _offer_pair(self, photo: Upload | None, model: str) -> dict:
        if photo is None or not looks_like_pair(self.models.read(model, photo.path)):
            return {self.pair: gr.Column(visible=False)}
        offer, button = describe_pair(self.models[model].config)
        return {
            self.pair: gr.Column(visible=True),
            self.offer: offer,
            self.accept: gr.Button(button),
        }

    def _halve(self, photo: Upload | None, model: str) -> dict:
        image = self.models.read(model, require_photo(photo).path)
        if not looks_like_pair(image):
            raise UserError("There is no side-by-side pair: upload one first.")
        stem, labels = safe_stem(require_photo(photo).name), self.models.labels(model)
        source, target = input_and_target(image, self.models[model].config.direction)
        truth = save_png(target, f"{stem}-{labels.real.replace(' ', '-')}")
        updates = self._reset(model) | {self.photo: save_png(source, stem)}
        return updates | self._show_real(model, truth)

    def _show_waiting(self) -> dict:
        return {
            self.start: gr.Button(interactive=False),
            self.cancel: gr.Button(interactive=True),
            self.note: "<p>Waiting in the queue.</p>",
        }

    def _show_idle(self) -> dict:
        return {
            self.start: gr.Button(interactive=True),
            self.cancel: gr.Button(interactive=False),
        }

    def _show_stopped(self) -> dict:
        return self._show_idle() | {self.note: STOPPED}

    def _examples(self, model: str) -> dict:
        return example_cards(self.models.samples.get(model, []), self.models.labels(model))


def _prompt(labels: Labels) -> str:
    return f"Drop, paste or choose {with_article(labels.source)} of any size."


def _no_result(labels: Labels) -> dict:
    return empty_slider(f"The {labels.short_result} will appear here, with a slider to compare.")


def _download_label(labels: Labels) -> str:
    return f"Download the {labels.short_result} (PNG)"
