"""Looks at a sample of a dataset before training: are these pairs, and how are they read?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pix2pix.config import Config
from pix2pix.data.cache import MAX_SKIPPED_FRACTION
from pix2pix.data.class_numbers import check_class_numbers
from pix2pix.data.decoding import Decoder, Row
from pix2pix.data.proportions import Size, check_joined, compare_sides, describe_sizes, split_size
from pix2pix.data.samples import describe_reading, read_size
from pix2pix.data.seams import look_at_middles
from pix2pix.data.source import Rows, Source, SplitPlan
from pix2pix.errors import UserError
from pix2pix.pixels.ranges import measure_range
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.values import describe_range

# 200 pairs of 256x256 take about 0.5 s.
SAMPLED_ROWS = 200
# Files are read up to this size, and decoded up to this many pixels: about a second each.
SAMPLED_BYTES, DECODED_PIXELS = 256_000_000, 40_000_000
NAMED_ROWS = 5
# Fewer unreadable rows in the sample may be chance, so they do not end the run.
MIN_UNREADABLE, MAX_UNREADABLE_FRACTION = 4, 0.05
SIDES = ("A", "B")


@dataclass(frozen=True)
class Inspection:
    """What a sample of the rows shows.

    Attributes:
        decoder: reads the whole dataset: the value range of each side is known.
        pair_aspects: the smallest and largest width / height of A.
        sentences: for the user: sizes, value range, rows that can't be read.
        warnings: what is probably not as the user wants it.
    """

    decoder: Decoder
    pair_aspects: tuple[float, float]
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass
class _Sample:
    """The rows that were looked at, and those of them that can't be read, with the reason."""

    names: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    sizes: list[tuple[Size, ...]] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


def inspect_pairs(source: Source, plan: SplitPlan, config: Config) -> Inspection:
    """Looks at a sample of the rows, and sets `source.decoder` and `source.inspection`.

    Raises:
        UserError: when the pictures are not pairs, or over 1 % of the rows can't be read.
    """
    training, held_out = (_take_sample(source, rows) for rows in (plan.train, plan.held_out))
    sizes, names = training.sizes + held_out.sizes, training.names + held_out.names
    if not sizes:
        name, reason = next(iter((training.unreadable | held_out.unreadable).items()))
        raise UserError(f"No pair of {source.name} can be read; {name}: {reason}")
    warnings: list[str] = []
    layout = source.decoder.layout
    if len(sizes[0]) == 1:
        if not config.force_split:
            middle = look_at_middles(training.rows, source.decoder.file_rules(1)[0], layout)
            warnings += check_joined(source.name, names, sizes, layout, middle)
        sizes = [split_size(size, layout) for (size,) in sizes]
    else:
        warnings += compare_sides(names, sizes)
    if config.is_native:
        _check_crops(names, sizes, config.image_size)
    labels, unused = check_class_numbers(
        training.names, training.rows, source.decoder, config.direction
    )
    source.decoder, ranges = _measure_ranges(source.decoder, training)
    _decode(source.decoder, training, held_out)
    notes = describe_reading(training.rows, source.decoder)
    unreadable = [
        *_describe_unreadable(training, plan.train),
        *_describe_unreadable(held_out, plan.held_out),
    ]
    aspects = [a[0] / a[1] for a, _ in sizes]
    looked = f"{describe_sizes(sizes)} pixels, as the {len(sizes)} pairs looked at show."
    source.inspection = Inspection(
        source.decoder,
        (min(aspects), max(aspects)),
        (looked, *labels, *ranges, *notes, *unreadable),
        (*warnings, *unused),
    )
    return source.inspection


def _check_crops(names: list[str], sizes: list[tuple[Size, ...]], crop: int) -> None:
    """Raises `UserError` for a pair that is smaller than the crops at native scale."""
    for name, ((width, height), _) in zip(names, sizes, strict=True):
        if min(width, height) < crop:
            raise UserError(
                f"{name} has {width}x{height} pixels, and --load_size none takes crops of "
                f"{crop}x{crop} pixels from it: use a smaller --image_size, or leave out "
                "--load_size none, so that pairs are resized."
            )


def describe_pairs(source: Source, plan: SplitPlan) -> list[str]:
    """Returns what a run and its dry run print about the pairs, one sentence each.

    How pairs are formed, how many, which are held out, what is left out, and how they are read.
    """
    lines = list(source.notes) or [f"Pairs: {' and '.join(source.columns)} of {source.name}."]
    lines.append(f"Training pairs: {len(plan.train)}, {_describe_rows(plan.train)}.")
    if plan.selection:
        lines.append(f"Selection pairs: {len(plan.selection)}, {_describe_rows(plan.selection)}.")
    if not plan.held_out:
        lines.append("Held-out pairs: none, so nothing will be measured.")
    else:
        lines.append(f"Held-out pairs: {len(plan.held_out)}, {_describe_rows(plan.held_out)}.")
    lines += _describe_unused(source, plan)
    if source.inspection:
        lines += source.inspection.sentences
    return lines


def _describe_rows(rows: Rows) -> str:
    if len(rows) == 1:
        return f"row {rows.start} of {rows.split}"
    return f"rows {rows.start} to {rows.stop - 1} of {rows.split}"


def _describe_unused(source: Source, plan: SplitPlan) -> Iterator[str]:
    """Yields a sentence about the rows of each split that are not used."""
    for split, size in source.splits.items():
        rest = size - sum(len(rows) for rows in plan.blocks if rows.split == split)
        if rest == size:
            yield f"Not used: the {size} rows of {split}."
        elif rest:
            yield f"Not used: {rest} of the {size} rows of {split}."


def _take_sample(source: Source, rows: Rows) -> _Sample:
    """Reads rows and the sizes of their pictures, from the headers of the files."""
    sample, total = _Sample(), 0
    for number, row in source.sample(rows, SAMPLED_ROWS) if len(rows) else ():
        name = source.row_name(rows.split, number)
        try:
            sizes = tuple(map(read_size, row, source.decoder.file_rules(len(row))))
        except UserError as error:
            sample.unreadable[name] = str(error)
        else:
            sample.names.append(name)
            sample.rows.append(row)
            sample.sizes.append(sizes)
        total += sum(map(len, row))
        if total > SAMPLED_BYTES:
            break
    return sample


def _measure_ranges(decoder: Decoder, sample: _Sample) -> tuple[Decoder, list[str]]:
    """Returns the decoder with the value ranges of the dataset, and sentences about them."""
    count = len(sample.rows[0]) if sample.rows else 0
    rules: list[PixelRule] = list(decoder.rules)
    sentences = []
    for side in range(count):
        if rules[side].legend and count == 2:
            continue  # class numbers have no black and white
        found = measure_range((row[side] for row in sample.rows), rules[side])
        if found is None:
            continue
        rules[side] = replace(rules[side], value_range=found)
        what = SIDES[side] if count == 2 else "Images"
        sentences.append(
            f"{what}: {describe_range(found)}, as the {len(sample.rows)} training pairs "
            "looked at show; --value_range sets other values."
        )
    if count == 1:
        rules[1] = replace(rules[1], value_range=rules[0].value_range)
    return replace(decoder, rules=(rules[0], rules[1])), sentences


def _decode(decoder: Decoder, *samples: _Sample) -> None:
    """Decodes rows, up to DECODED_PIXELS, and moves those that can't be decoded."""
    for sample in samples:
        pixels, damaged = 0, []
        for index, (row, sizes) in enumerate(zip(sample.rows, sample.sizes, strict=True)):
            pixels += sum(width * height for width, height in sizes)
            if pixels > DECODED_PIXELS and index:
                break
            try:
                decoder.decode(row)
            except UserError as error:
                damaged.append(index)
                sample.unreadable[sample.names[index]] = str(error)
        for index in reversed(damaged):
            del sample.names[index], sample.rows[index], sample.sizes[index]


def _describe_unreadable(sample: _Sample, rows: Rows) -> Iterator[str]:
    """Yields a sentence with the names of unreadable rows.

    Raises `UserError` when they are too many for the run.
    """
    found = len(sample.unreadable)
    if not found:
        return
    looked = found + len(sample.rows)
    if found == looked and len(set(sample.unreadable.values())) == 1:
        name, reason = next(iter(sample.unreadable.items()))
        raise UserError(f"No pair of {rows.split} can be read; {name}: {reason}")
    named = "; ".join(
        f"{n}: {reason}" for n, reason in list(sample.unreadable.items())[:NAMED_ROWS]
    )
    more = f"; and {found - NAMED_ROWS} more" if found > NAMED_ROWS else ""
    expected = found >= MIN_UNREADABLE and found > MAX_UNREADABLE_FRACTION * looked
    if found > MAX_SKIPPED_FRACTION * len(rows) or expected:
        raise UserError(
            f"Over 1 % of the rows of {rows.split} can't be read ({found} of the {looked} looked "
            f"at); repair or remove them: {named}{more}"
        )
    be, it = ("row is", "it") if found == 1 else ("rows are", "they")
    yield f"{found} {be} skipped, because {it} can't be read: {named}{more}"
