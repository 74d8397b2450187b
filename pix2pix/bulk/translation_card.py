"""Writes the card of a translated dataset."""

from collections.abc import Mapping
from typing import Any

from pix2pix.bulk.translation_plan import TranslationPlan, TranslationRecord
from pix2pix.hub.dataset_branch import DATA_FOLDER
from pix2pix.pairing.dataset_card import find_size_category

TEMPLATE = """\
# {title}

This is {source} with a translation of each picture by a pix2pix model.

| split | rows | without a translation | source | model |
|---|---|---|---|---|
{splits}

The column `{output}` is made from the column `{input}` by `pix2pix translate`, in the size of the \
input and as a lossless PNG. It is empty in a row whose picture can't be read. All other columns \
are as in the source. `translation.json` beside the files of a split has all settings.

## License

{license}
"""


def format_translation_card(records: Mapping[str, TranslationRecord], title: str) -> str:
    """Returns the text of README.md.

    Args:
        records: the record of each split.
        title: the dataset's name.
    """
    from huggingface_hub import DatasetCardData

    plans = [record.plan for record in records.values()]
    plan, sources = plans[-1], sorted({plan.dataset for plan in plans})
    first, *others = (record.license for record in records.values())
    license: dict[str, Any] = first if all(other == first for other in others) else {}
    files = [{"split": s, "path": f"{DATA_FOLDER}/{s}/*.parquet"} for s in records]
    on_hub = sorted({plan.dataset for plan in plans if plan.dataset_revision})
    data = DatasetCardData(
        **license,
        task_categories=["image-to-image"],
        size_categories=[find_size_category(sum(plan.rows for plan in plans))],
        pretty_name=title,
        tags=["pix2pix", "synthetic"],
        source_datasets=on_hub or None,
        configs=[{"config_name": "default", "data_files": files}],
    )
    text = TEMPLATE.format(
        title=title,
        source=" and ".join(_link_dataset(name, on_hub) for name in sources),
        splits="\n".join(_format_split(record) for record in records.values()),
        output=plan.output_column,
        input=plan.input_column,
        license=f"`{license.get('license_name') or license['license']}`, that of the source."
        if license.get("license")
        else "No single license was found; see the card of the source.",
    )
    return f"---\n{data.to_yaml()}\n---\n\n{text}"


def _link_dataset(name: str, on_hub: list[str]) -> str:
    return f"[{name}](https://huggingface.co/datasets/{name})" if name in on_hub else f"`{name}`"


def _format_split(record: TranslationRecord) -> str:
    plan, missing = record.plan, sum(record.untranslated.values())
    return (
        f"| {plan.split} | {plan.rows:,} | {missing:,} | {_pin(plan.dataset, plan, False)} "
        f"| {_pin(plan.model, plan, True)} |"
    )


def _pin(name: str, plan: TranslationPlan, is_model: bool) -> str:
    """Returns a link to the commit on the Hub, or the name of files on another machine."""
    revision = plan.model_revision if is_model else plan.dataset_revision
    if not revision:
        digest = f", sha256 of the graph `{plan.graph_sha256[:12]}`" if is_model else ""
        return f"`{name}`{digest}"
    kind = "" if is_model else "datasets/"
    return f"[{name}@{revision[:7]}](https://huggingface.co/{kind}{name}/tree/{revision})"
