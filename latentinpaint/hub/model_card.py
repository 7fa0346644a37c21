"""A model card: what a model was made of, by which commands, and how good it is; written from its file's header.

Its head is what the Hugging Face Hub reads: https://huggingface.co/docs/hub/model-cards.
"""

import json
from collections.abc import Mapping
from typing import Any

# What the card has a place for; it shows anything else of a recipe as it is.
_SHOWN = ("latentinpaint", "torch", "command", "photographs", "stages", "evaluation", "figures", "licence")
# The Hub's names of licences that a recipe may name; it refuses a card with a name that it does not know.
_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "gpl-3.0")


def model_card(recipe: Mapping[str, Any], name: str) -> str:
    """The card as Markdown.

    Args:
        recipe: of a model's file. That of `make_default`, see `ModelMaking.recipe`, gives every section; of any other
            the card has what is there.
        name: what `Inpainter.from_pretrained` takes for this model.
    """
    # Imported where it is used: who loads a model needs no card.
    from jinja2 import ChainableUndefined, Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("latentinpaint.hub", ""),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=ChainableUndefined,  # what a recipe lacks stays empty
    )
    others = {key: value for key, value in recipe.items() if key not in _SHOWN}
    return environment.get_template("model_card.md").render(
        name=name,
        recipe=recipe,
        labels=_labels(recipe.get("figures", {})),
        licence_id=_licence_id(recipe.get("licence")),
        others=others,
        others_json=json.dumps(others, indent=1),
    )


def _labels(figures: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The metrics of all methods, in their order."""
    labels: dict[str, None] = {}
    for values in figures.values():
        labels.update(dict.fromkeys(values))
    return list(labels)


def _licence_id(licence: str | None) -> str | None:
    """The Hub's name of a licence."""
    if licence is None:
        return None
    written = licence.strip().lower()
    if written in _LICENCES:
        return written
    return "other"
