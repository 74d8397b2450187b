"""Does the end of a run need more memory than its training? Run `python -m benchmarks.memory`.

train_hub.py trains full-size networks for a few steps on the sample maps. The benchmark compares
the peak memory of its process until the last step is saved with the peak of the whole run, which
includes export and evaluation.
"""

import json
import subprocess
import sys
import tempfile

from benchmarks.measure import ROOT, memory

FLAGS = (
    "--dataset_name", "assets/sample_maps", "--max_train_steps", "6", "--checkpointing_steps", "3",
    "--sample_steps", "0",
)  # fmt: skip


def work(folder: str) -> int:
    """Trains in this process; prints both peaks as JSON."""
    from pix2pix.commands import train

    peaks = []
    write = train.write_artifacts

    def write_and_measure(*arguments):
        peaks.append(memory("VmHWM"))
        write(*arguments)
        peaks.append(memory("VmHWM"))

    train.write_artifacts = write_and_measure
    code = train.main([*FLAGS, "--output_dir", f"{folder}/run", "--cache_dir", f"{folder}/c"])
    print(json.dumps(peaks))
    return code


def main() -> int:
    if sys.argv[1:]:
        return work(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", folder],
            cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    trained, whole = json.loads(process.stdout.splitlines()[-1])
    print(
        f"Peak memory of a full-size run: {trained / 1e9:.2f} GB in training, "
        f"{whole / 1e9:.2f} GB with export and evaluation ({whole / trained:.2f} times as much)."
    )
    return 0 if whole <= trained else 1


if __name__ == "__main__":
    sys.exit(main())
