"""The tab that translates one photo."""

import time
from pathlib import Path

import gradio as gr
from PIL import Image

from pix2pix.images import open_image
from pix2pix.space.answers import save_png, save_preview
from pix2pix.space.cards import cards, example_cards
from pix2pix.space.compare import alone, compare, compared, nothing_compared
from pix2pix.space.models import Models
from pix2pix.space.pairs import closeness, input_and_target, looks_like_pair
from pix2pix.space.photos import photo_input, upload_stem
from pix2pix.space.settings import Settings
from pix2pix.space.translating import AT_ONCE, MODE_CHOICES, PROGRESS_EVERY, TRANSLATIONS, steps
from pix2pix.space.words import Words, words

MODES_EXPLAINED = (
    "At once: quick, and the network sees everything, but at {size} x {size} pixels. In tiles: "
    "every pixel of a larger picture is kept, and it takes longer."
)
NO_PAIR = "There is no side-by-side pair: upload one first."
STOPPED = "<p>Stopped: there is no result.</p>"
PAIR = (
    "**A side-by-side pair?** This picture is twice as wide as high. If its {side} half is the "
    "{source}, that half can be translated alone and compared with the other one, the {real}."
)


class TranslateTab:
    """The tab's components, and what happens on them.

    Attributes:
        loaded: the outputs of `load`, for tabs that put a sample in. run: what they cancel.
    """

    def __init__(self, models: Models, settings: Settings):
        """Builds the tab."""
        self.models = models
        named = self._words(models.names[0])
        gr.Markdown(f"Drop, paste or choose {_article(named.source)} of any size.")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                self._build_input(named, settings)
            with gr.Column(min_width=300):
                self._build_result(named)
        if any(models.samples.values()):
            gr.Markdown("### Held-out pictures to try")
        self.examples = cards(self._examples(models.names[0]), 76, "examples")
        self._connect(settings)

    def _build_input(self, named: Words, settings: Settings) -> None:
        names = self.models.names
        self.model = gr.Dropdown(
            names, value=names[0], label="Model", visible=len(names) > 1, elem_id="model-choice"
        )
        sources = {self._words(name).short_source for name in names}
        self.photo = photo_input(
            settings, (sources.pop() if len(sources) == 1 else "input").title(), "photo"
        )
        with gr.Column(visible=False, elem_id="pair") as self.pair:
            self.offer = gr.Markdown()
            with gr.Row():
                self.accept = gr.Button(size="md")
                refuse = gr.Button("Keep it whole", size="md")
        refuse.click(lambda: gr.Column(visible=False), None, self.pair, **AT_ONCE)
        size = self.models.default.config.image_size
        self.mode = gr.Radio(
            MODE_CHOICES, value="fit", label="Resolution", info=MODES_EXPLAINED.format(size=size)
        )
        with gr.Row():
            self.start = gr.Button("Translate", variant="primary", scale=3)
            self.cancel = gr.Button("Cancel", interactive=False, scale=1, min_width=100)
        self.note = gr.HTML(elem_id="note", min_height=48)

    def _build_result(self, named: Words) -> None:
        self.result = compare(_nothing_yet(named), "result")
        self.download = gr.DownloadButton(
            _download(named), interactive=False, variant="primary", elem_id="download"
        )
        # The real picture's file. The server keeps the path, so none from a browser is read.
        self.truth = gr.State()
        self.against = compare(nothing_compared(""), "against", visible=False)

    def _connect(self, settings: Settings) -> None:
        outcome = [self.result, self.note, self.download, self.against]
        buttons = [self.start, self.cancel]
        begun = self.start.click(self._busy, None, [*buttons, self.note], **AT_ONCE)
        self.run = begun.then(
            self._translate, [self.photo, self.mode, self.truth, self.model], outcome,
            show_progress="minimal", show_progress_on=self.note, api_visibility="private",
            **TRANSLATIONS,
        )  # fmt: skip
        # A cancelled run counts as a failed one, too.
        self.run.failure(self._stopped, None, [*buttons, self.note], **AT_ONCE)
        self.run.success(self._idle, None, buttons, **AT_ONCE)
        self.cancel.click(self._stopped, None, [*buttons, self.note], cancels=self.run, **AT_ONCE)

        fresh = [*outcome, *buttons, self.truth, self.pair]
        for event in (self.photo.upload, self.photo.clear):
            event(self._fresh, self.model, fresh, cancels=self.run, **AT_ONCE).then(
                self._offer_pair, [self.photo, self.model], [self.pair, self.offer, self.accept],
                show_progress="hidden", api_visibility="private",
            )  # fmt: skip
        # By a visitor's own choice only: `load` chooses a model, too.
        self.model.input(
            self._switch, self.model, [*fresh, self.examples], cancels=self.run, **AT_ONCE
        )
        # Only events that give the photo a value have it among their outputs: for any other update
        # Gradio makes the component anew for the session, and that one reads files in its own way.
        self.loaded = [*fresh, self.photo, self.model, self.examples]
        self.accept.click(
            self._halve, [self.photo, self.model], self.loaded, cancels=self.run,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
        self.examples.select(self._pick, self.model, self.loaded, cancels=self.run, **AT_ONCE)

    def load(self, model: str, name: str) -> dict:
        """Updates of `loaded`: a model's sample as the photo, and what it is compared with."""
        sample = next((s for s in self.models.samples.get(model, []) if s.name == name), None)
        if sample is None:
            raise gr.Error("There is no such sample; reload the page.")
        updates = self._switch(model) | {self.photo: str(sample.input), self.model: model}
        return updates | self._known(model, str(sample.target))

    def _known(self, model: str, truth: str) -> dict:
        """Updates that show the real picture, in a file, until there is a result to compare."""
        name = self._words(model).real.capitalize()
        return {self.truth: truth, self.against: gr.HTML(alone(name, truth), visible=True)}

    def _translate(self, photo: Image.Image, mode: str, truth: str | None, model: str):
        translator = self.models[model]
        started = said = time.perf_counter()
        for done, total, translation in steps(translator, photo, mode):
            now = time.perf_counter()
            if translation is None and now - said > PROGRESS_EVERY:
                said = now
                yield {self.note: _progress(done, total, now - started)}
        seconds = time.perf_counter() - started
        named, cache = self._words(model), self.photo.GRADIO_CACHE
        file = save_png(translation, cache, f"{upload_stem(photo)}-{named.short_result}")
        labels = (named.short_source.capitalize(), named.short_result.capitalize())
        width, height = translation.size
        yield {
            self.result: compared(labels, (save_preview(photo, cache), file), photo.size),
            self.download: gr.DownloadButton(value=file, interactive=True),
            self.note: f"<p>{width} x {height} pixels, translated in {seconds:.2f} s.</p>",
        } | self._against(named, file, translation, truth)

    def _against(
        self, named: Words, file: str, translation: Image.Image, truth: str | None
    ) -> dict:
        """Updates that compare with the real picture, where it is known and not deleted yet."""
        if not truth or not Path(truth).is_file():
            return {}
        real = open_image(truth)
        if real.size != translation.size:
            return {}
        l1, psnr = closeness(translation, real)
        names = (named.short_result.capitalize(), named.real.capitalize())
        scores = f"L1 {l1:.2f} grey levels of 255, PSNR {psnr:.2f} dB against the {named.real}."
        return {self.against: gr.HTML(compared(names, (file, truth), real.size, scores))}

    def _fresh(self, model: str) -> dict:
        """Updates for another picture: nothing of the one before is left."""
        named = self._words(model)
        return {
            self.result: _nothing_yet(named),
            self.against: gr.HTML(visible=False),
            self.truth: None,
            self.note: "",
            self.download: gr.DownloadButton(_download(named), value=None, interactive=False),
            self.pair: gr.Column(visible=False),
        } | self._idle()

    def _switch(self, model: str) -> dict:
        return self._fresh(model) | {self.examples: self._examples(model)}

    def _pick(self, model: str, event: gr.EventData) -> dict:
        return self.load(model, event.name)

    def _offer_pair(self, photo: Image.Image | None, model: str) -> dict:
        if photo is None or not looks_like_pair(photo):
            return {self.pair: gr.Column(visible=False)}
        side = "left" if self.models[model].config.direction == "a_to_b" else "right"
        named = self._words(model)
        return {
            self.pair: gr.Column(visible=True),
            self.offer: PAIR.format(side=side, source=named.short_source, real=named.real),
            self.accept: gr.Button(f"Use the {side} half"),
        }

    def _halve(self, photo: Image.Image | None, model: str) -> dict:
        if photo is None or not looks_like_pair(photo):
            raise gr.Error(NO_PAIR)
        cache, stem = self.photo.GRADIO_CACHE, upload_stem(photo)
        source, target = input_and_target(photo, self.models[model].config.direction)
        named = self._words(model)
        truth = save_png(target, cache, f"{stem}-{named.real.replace(' ', '-')}")
        updates = self._fresh(model) | {self.photo: save_png(source, cache, stem)}
        return updates | self._known(model, truth)

    def _busy(self) -> dict:
        return {
            self.start: gr.Button(interactive=False),
            self.cancel: gr.Button(interactive=True),
            self.note: "<p>Waiting for its turn.</p>",
        }

    def _idle(self) -> dict:
        return {
            self.start: gr.Button(interactive=True),
            self.cancel: gr.Button(interactive=False),
        }

    def _stopped(self) -> dict:
        return self._idle() | {self.note: STOPPED}

    def _words(self, model: str) -> Words:
        return words(self.models[model].config)

    def _examples(self, model: str) -> dict:
        return example_cards(self.models.samples.get(model, []), self._words(model))


def _progress(done: int, total: int, seconds: float) -> str:
    left = seconds / done * (total - done)
    return (
        f"<label>Tile {done} of {total}, about {left:.0f} s left"
        f'<progress value="{done}" max="{total}"></progress></label>'
    )


def _nothing_yet(named: Words) -> dict:
    return nothing_compared(f"The {named.short_result} will be here, with a line to drag across.")


def _download(named: Words) -> str:
    return f"Download the {named.short_result} (PNG)"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
