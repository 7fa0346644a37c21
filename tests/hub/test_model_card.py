"""The model card: every part of a recipe is on it, and its head is what the Hub reads."""

import yaml

from latentinpaint.hub import model_card

RECIPE = {
    "latentinpaint": "9.8.7",
    "torch": "6.5.4",
    "command": "latentinpaint make_default --photos a.zip",
    "photographs": [{"name": "a", "photographs": 123, "sha256": "0123456789abcdef" * 4}],
    "stages": {
        "autoencoder": {"steps": 77, "settings": {"data": {"batch_size": 3, "size": 64}, "trainer": {}}},
        "refiner": {
            "steps": 88,
            "settings": {"data": {"batch_size": 5, "size": 96}, "trainer": {"max_time": "00:00:07:00"}},
        },
    },
    "evaluation": "64 photographs held back.",
    "figures": {"one": {"PSNR": "12.34", "SSIM": "0.5"}, "other": {"PSNR": "13.00"}},
    "licence": "Apache-2.0",
}


def head(card):
    """The card's head as the Hub reads it."""
    return yaml.safe_load(card.split("---\n")[1])


def test_everything_is_on_it():
    card = model_card(RECIPE, "org/name")
    rows = {line.replace(" ", "") for line in card.splitlines()}
    assert "|a|123|`0123456789abcdef…`|" in rows
    assert "|autoencoder|77|3|64|none|" in rows
    assert "|refiner|88|5|96|00:00:07:00|" in rows
    assert {"|method|PSNR|SSIM|", "|---|---|---|", "|one|12.34|0.5|", "|other|13.00|–|"} <= rows
    for text in ("9.8.7", "6.5.4", RECIPE["command"], RECIPE["evaluation"], 'from_pretrained("org/name")'):
        assert text in card
    assert head(card)["license"] == "apache-2.0"


def test_a_recipe_of_another_kind_is_shown_as_it_is():
    card = model_card({"steps": 3, "learning_rate": 0.1}, "org/name")
    assert '"steps": 3' in card and '"learning_rate": 0.1' in card
    assert "## Figures" not in card and "## Stages" not in card and "## Licence" not in card
    assert head(card) == {"library_name": "latentinpaint", "pipeline_tag": "image-to-image", "tags": ["inpainting"]}
    assert "## Recipe" not in model_card({}, "org/name")


def test_a_licence_that_the_hub_does_not_know():
    card = model_card({"licence": "ask me"}, "org/name")
    assert head(card)["license"] == "other" and "ask me" in card
