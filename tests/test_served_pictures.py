"""One photo gives one translation, whatever file it comes in."""

import numpy as np
import pytest

from benchmarks.measure import STARTER_MODEL
from benchmarks.served_pictures import (
    LARGEST_DIFFERENCE,
    measure_encodings,
    measure_proportions,
    sample_photos,
)
from pix2pix.artifacts import ArtifactFolder


def test_the_starter_model_is_as_good_on_every_encoding_of_the_same_photos():
    values = measure_encodings()
    assert len(values) == 4
    assert max(values.values()) - min(values.values()) <= LARGEST_DIFFERENCE
    published = {
        sample["name"]: sample["l1"]
        for sample in ArtifactFolder(STARTER_MODEL).read_metrics()["samples"]
    }
    names = [path.name.removesuffix("-input.png") for path in sample_photos()]
    expected = np.mean([published[name] for name in names])
    assert values["8-bit RGB"] == pytest.approx(expected, abs=0.01)


def test_stretched_pairs_are_served_as_well_as_square_ones(tmp_path):
    rows = measure_proportions(tmp_path, 4)
    assert [name for name, *_ in rows] == ["1:1", "4:3", "2:1", "1:2", "4:1"]
    for name, card, letterboxed, as_trained in rows:
        assert as_trained <= 1.01 * card, name
        # 4:3 is so near to a square that letterboxing costs these four photos nothing.
        assert name in ("1:1", "4:3") or as_trained < letterboxed, name
