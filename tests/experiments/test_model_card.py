"""The model card: every part of the recipe is on it."""

from types import SimpleNamespace

from latentinpaint.experiments.model_card import calibration, model_card

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


def test_everything_is_on_it():
    card = model_card(RECIPE)
    rows = {line.replace(" ", "") for line in card.splitlines()}
    assert "|a|123|`0123456789abcdef…`|" in rows
    assert "|autoencoder|77|3|64|none|" in rows
    assert "|refiner|88|5|96|00:00:07:00|" in rows
    assert "|one|12.34|0.5|" in rows and "|other|13.00|–|" in rows
    for text in ("9.8.7", "6.5.4", RECIPE["command"], RECIPE["evaluation"], "Apache-2.0"):
        assert text in card


def test_what_several_fills_say_of_their_error():
    found = {"samples": 8, "spread_to_error": 0.914, "covered": 0.754, "covered_if_calibrated": 7 / 9}
    rows = {"model": SimpleNamespace(label="the model"), "telea": SimpleNamespace(label="Telea")}
    text = calibration(SimpleNamespace(calibration={"model": found}, rows=rows))
    assert "8 fills of a hole by the model" in text and "0.91 of the error" in text
    assert "75 % of the values, where 78 %" in text and "Telea" not in text
    assert calibration(SimpleNamespace(calibration={}, rows=rows)) == ""
