"""Do checkpoint uploads slow training down? Run `python -m benchmarks.hub_checkpoints`.

One run saves every --steps steps and uploads every second checkpoint to a test Hub in another
process, which takes more CPU time of this machine than a remote Hub. The periods from one save to
the end of the next are timed, alternately with and without an upload. If an upload takes longer
than its period, the benchmark waits for its end and does not count this time. The first periods, in
which the step is compiled, do not count either. Exits with 1 if the median steps per second with an
upload are less than 95 % of those without, if the branch has more than one commit, or if the Hub
stores more than the newest checkpoints.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.measure import running_hub
from pix2pix.runtime import prepare_tensorflow

prepare_tensorflow()

MODEL, LIMIT, WARM_UP, MIN_RATIO = "tester/benchmark", 3, 2, 0.95


class PeriodTimer:
    """Times the period before each save, and starts an upload after every second save.

    Attributes:
        seconds: the periods without (index 0) and with (index 1) an upload.
        delays: the seconds that it took to start each upload.
    """

    def __init__(
        self, upload: Callable[[Path, Path | None], None], busy: Callable[[], bool]
    ) -> None:
        self._upload, self._busy, self._started, self._count = upload, busy, None, 0
        self.seconds: tuple[list[float], list[float]] = [], []
        self.delays: list[float] = []

    def __call__(self, path: Path, best: Path | None) -> None:
        now, uploads = time.perf_counter(), self._count % 2
        if self._started and self._count > WARM_UP:
            self.seconds[1 - uploads].append(now - self._started)
        while self._busy():
            time.sleep(0.001)
        self._started = time.perf_counter()
        if uploads:
            self._upload(path, best)
            self.delays.append(time.perf_counter() - self._started)
        self._count += 1


def measure(arguments: argparse.Namespace, folder: Path) -> PeriodTimer:
    """Trains on random pictures for a warm-up and `--pairs` periods of each kind."""
    import numpy as np

    from pix2pix import hub
    from pix2pix.config import Config
    from pix2pix.data import TrainingPairs
    from pix2pix.hub.background_upload import PENDING_FOLDER
    from pix2pix.training import loop

    steps = arguments.steps * (WARM_UP + 1 + 2 * arguments.pairs)
    config = Config(
        dataset_name="random", image_size=arguments.image_size, max_train_steps=steps,
        generator_filters=arguments.filters, discriminator_filters=arguments.filters,
    )  # fmt: skip
    shape = 8, 2, config.load_size, config.load_size, 3
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    settings = loop.SaveSettings(folder, arguments.steps, LIMIT, 0)
    links = settings.checkpoints / PENDING_FOLDER
    hub.prepare_repository(MODEL)
    with hub.upload_checkpoints(MODEL, settings.checkpoints, LIMIT, 0) as upload:
        timer = PeriodTimer(upload, lambda: links.exists() and any(links.iterdir()))
        settings = loop.SaveSettings(folder, arguments.steps, LIMIT, 0, on_checkpoint=timer)
        loop.train(
            config, TrainingPairs(pictures, config), (pictures[:1, 0], pictures[:1, 1]), settings
        )
    return timer


def report(arguments: argparse.Namespace, timer: PeriodTimer, folder: Path) -> bool:
    """Prints the table; returns whether all targets are met."""
    from huggingface_hub import HfApi

    from pix2pix.hub.checkpoint_branch import BRANCH

    rates = [[arguments.steps / seconds for seconds in kind] for kind in timer.seconds]
    pairs = [on / off for off, on in zip(*rates, strict=False)]
    ratio = median(rates[1]) / median(rates[0])
    api = HfApi()
    commits = len(api.list_repo_commits(MODEL, revision=BRANCH))
    lfs_bytes = sum(file.size for file in api.list_lfs_files(MODEL))
    hub_bytes = sum(path.stat().st_size for path in (folder / "hub" / "blobs").iterdir())
    local_bytes = sum(
        path.stat().st_size for path in (folder / "run" / "checkpoints").glob("*.npz")
    )
    print(
        f"\n{arguments.image_size} px, {arguments.filters} filters, a save every {arguments.steps} "
        f"steps, {local_bytes / LIMIT / 1e6:.0f} MB each; {len(pairs)} periods of each kind"
    )
    print("| periods | steps/s, median | lowest to highest |")
    print("|---|---|---|")
    for name, kind in zip(("without upload", "with upload"), rates, strict=True):
        print(f"| {name} | {median(kind):.2f} | {min(kind):.2f} to {max(kind):.2f} |")
    print(f"| ratio | {ratio:.3f} | {min(pairs):.3f} to {max(pairs):.3f} of neighbors |")
    print(f"Starting an upload delays a save by at most {1e3 * max(timer.delays):.1f} ms.")
    print(
        f"The branch: {commits} commit(s), {lfs_bytes / 1e6:.1f} MB of LFS files; the Hub's "
        f"storage: {hub_bytes / 1e6:.1f} MB; the newest {LIMIT} checkpoints on disk: "
        f"{local_bytes / 1e6:.1f} MB."
    )
    return ratio >= MIN_RATIO and commits == 1 and max(lfs_bytes, hub_bytes) < 1.01 * local_bytes


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image_size", type=int, default=128, help="64, 128, 256 or 512")
    parser.add_argument(
        "--filters", type=int, default=16, help="filters of both networks; the paper has 64"
    )
    parser.add_argument("--steps", type=int, default=200, help="steps between two saves")
    parser.add_argument("--pairs", type=int, default=6, help="periods of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with running_hub(folder):
            timer = measure(arguments, folder / "run")
            return 0 if report(arguments, timer, folder) else 1


if __name__ == "__main__":
    sys.exit(main())
