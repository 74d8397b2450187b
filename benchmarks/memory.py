"""Does the end of a run need more memory than its training? `python -m benchmarks.memory`

A few steps of full-size networks on the embedded pairs, by train_hub.py: the most that its process
held until the last step was saved, and the most in all, with export and evaluation.
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
    """The run, in this process; prints both peaks as JSON."""
    import train_hub

    peaks = []
    write = train_hub.write

    def watched(*arguments):
        peaks.append(memory("VmHWM"))
        write(*arguments)
        peaks.append(memory("VmHWM"))

    train_hub.write = watched
    code = train_hub.main([*FLAGS, "--output_dir", f"{folder}/run", "--cache_dir", f"{folder}/c"])
    print(json.dumps(peaks))
    return code


def main() -> int:
    if sys.argv[1:]:
        return work(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", folder],
            cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    trained, whole = json.loads(done.stdout.splitlines()[-1])
    print(
        f"Until it is trained, a full-size run holds {trained / 1e9:.2f} GB at most; with export "
        f"and evaluation {whole / 1e9:.2f} GB, {whole / trained:.2f} times as much."
    )
    return 0 if whole <= trained else 1


if __name__ == "__main__":
    sys.exit(main())
