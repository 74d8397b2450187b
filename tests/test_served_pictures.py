"""One photo gives one translation, whatever file it comes in."""

from benchmarks.served_pictures import LARGEST_DIFFERENCE, measure_encodings, measure_proportions


def test_the_starter_model_is_as_good_on_every_encoding_of_the_same_photos():
    values = measure_encodings()
    assert len(values) == 4
    assert max(values.values()) - min(values.values()) <= LARGEST_DIFFERENCE
    assert values["8-bit RGB"] < 2.6, "the L1 of the starter model on these photos is 2.52"


def test_stretched_pairs_are_served_as_well_as_square_ones(tmp_path):
    rows = measure_proportions(tmp_path, 2)
    assert [name for name, *_ in rows] == ["1:1", "4:3", "2:1", "1:2", "4:1"]
    for name, card, letterboxed, as_trained in rows:
        assert as_trained <= card + 0.01, name
        assert name == "1:1" or as_trained < letterboxed, name
