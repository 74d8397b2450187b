"""Do uploads of checkpoints slow training down? `python -m benchmarks.hub_checkpoints`

One run saves every `--steps` steps, and a test Hub runs in another process of the same machine,
which takes more of the processor than a real one does. After every second save the checkpoint is
uploaded, after the others it is not; the stretches of both kinds, each from one save to the next
with that save in it, are timed in turn. An upload that outlasts its stretch is waited for, untimed.
The first stretches, in which the step is compiled, are left out. Exits with 1 when the median
stretch with an upload does less than 95 % of the steps a second of one without, when the branch has
more than one commit, or when the Hub stores more than the checkpoints that are kept.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.measure import hub_of_its_own
from pix2pix.runtime import prepare_tensorflow

prepare_tensorflow()

MODEL, LIMIT, WARM_UP, LEAST = "tester/benchmark", 3, 2, 0.95


class Stretches:
    """Told of each save: times the stretch that it ends, and uploads at the start of every other.

    `seconds` holds the stretches without (0) and with (1) an upload.
    """

    def __init__(self, upload: Callable[[Path], None], busy: Callable[[], bool]) -> None:
        self._upload, self._busy, self._started, self._count = upload, busy, None, 0
        self.seconds: tuple[list[float], list[float]] = [], []
        self.held_up: list[float] = []

    def __call__(self, path: Path) -> None:
        now, uploads = time.perf_counter(), self._count % 2
        if self._started and self._count > WARM_UP:
            self.seconds[1 - uploads].append(now - self._started)
        while self._busy():
            time.sleep(0.001)
        self._started = time.perf_counter()
        if uploads:
            self._upload(path)
            self.held_up.append(time.perf_counter() - self._started)
        self._count += 1


def measure(arguments: argparse.Namespace, folder: Path) -> Stretches:
    """One run of a warm-up and `--pairs` stretches of each kind, on random pictures."""
    import numpy as np

    from pix2pix import hub
    from pix2pix.config import Config
    from pix2pix.data import TrainingPairs
    from pix2pix.hub.uploads import FOLDER
    from pix2pix.training import loop

    steps = arguments.steps * (WARM_UP + 1 + 2 * arguments.pairs)
    config = Config(
        dataset_name="random", image_size=arguments.image_size, max_train_steps=steps,
        generator_filters=arguments.filters, discriminator_filters=arguments.filters,
    )  # fmt: skip
    shape = 8, 2, config.load_size, config.load_size, 3
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    saving = loop.Saving(folder, arguments.steps, LIMIT, 0)
    links = saving.checkpoints / FOLDER
    hub.prepare_repo(MODEL)
    with hub.uploading(MODEL, saving.checkpoints, LIMIT, 0) as upload:
        stretches = Stretches(upload, lambda: links.exists() and any(links.iterdir()))
        saving = loop.Saving(folder, arguments.steps, LIMIT, 0, on_checkpoint=stretches)
        loop.train(
            config, TrainingPairs(pictures, config), (pictures[:1, 0], pictures[:1, 1]), saving
        )
    return stretches


def report(arguments: argparse.Namespace, stretches: Stretches, folder: Path) -> bool:
    """Prints the table; returns whether all is as it should be."""
    from huggingface_hub import HfApi

    from pix2pix.hub.branch import BRANCH

    rates = [[arguments.steps / seconds for seconds in kind] for kind in stretches.seconds]
    pairs = [on / off for off, on in zip(*rates, strict=False)]
    ratio = median(rates[1]) / median(rates[0])
    api = HfApi()
    commits = len(api.list_repo_commits(MODEL, revision=BRANCH))
    stored = sum(file.size for file in api.list_lfs_files(MODEL))
    on_disk = sum(path.stat().st_size for path in (folder / "hub" / "blobs").iterdir())
    kept = sum(path.stat().st_size for path in (folder / "run" / "checkpoints").glob("*.npz"))
    print(
        f"\n{arguments.image_size} px, {arguments.filters} filters, a save every {arguments.steps} "
        f"steps, {kept / LIMIT / 1e6:.0f} MB each; {len(pairs)} stretches of each kind"
    )
    print("| stretches | steps/s, median | lowest to highest |")
    print("|---|---|---|")
    for name, kind in zip(("no upload", "every_save"), rates, strict=True):
        print(f"| {name} | {median(kind):.2f} | {min(kind):.2f} to {max(kind):.2f} |")
    print(f"| ratio | {ratio:.3f} | {min(pairs):.3f} to {max(pairs):.3f} in neighbours |")
    print(f"A save is held up by {1e3 * max(stretches.held_up):.1f} ms at most to hand it over.")
    print(
        f"The branch: {commits} commit(s), {stored / 1e6:.1f} MB of LFS files; the Hub's folder: "
        f"{on_disk / 1e6:.1f} MB; the newest {LIMIT} here: {kept / 1e6:.1f} MB."
    )
    return ratio >= LEAST and commits == 1 and max(stored, on_disk) < 1.01 * kept


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image_size", type=int, default=128, help="64, 128, 256 or 512")
    parser.add_argument("--filters", type=int, default=16, help="of both networks; the paper's: 64")
    parser.add_argument("--steps", type=int, default=200, help="steps from one save to the next")
    parser.add_argument("--pairs", type=int, default=6, help="stretches of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with hub_of_its_own(folder):
            stretches = measure(arguments, folder / "run")
            return 0 if report(arguments, stretches, folder) else 1


if __name__ == "__main__":
    sys.exit(main())
