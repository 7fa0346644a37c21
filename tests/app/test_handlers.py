"""What the page says and switches off; its doings are tested in the browser."""

import numpy as np
import pytest
from PIL import Image

gr = pytest.importorskip("gradio", reason="gradio is not installed")

from latentinpaint.app import handlers, uploads  # noqa: E402
from latentinpaint.app.examples import write_examples  # noqa: E402
from latentinpaint.app.models import load_models  # noqa: E402
from latentinpaint.app.store import Store  # noqa: E402
from latentinpaint.errors import InputError  # noqa: E402


@pytest.fixture
def page_handlers(model_files):
    store = Store()
    models = load_models([str(model_files["ffc"]), str(model_files["flow"])], "cpu")
    yield handlers.Handlers(
        models, store, uploads.Limits(samples=4, steps=9), write_examples(store.new_folder(permanent=True))
    )
    store.close()


def message_of(function, *arguments):
    with pytest.raises(gr.Error) as caught:
        function(*arguments)
    return caught.value.message


def raising(error):
    @handlers.report_errors
    def handler():
        raise error

    return handler


def test_every_failure_is_a_sentence(capsys):
    assert message_of(raising(InputError("the mask <img src=x> is wrong"))) == "The mask &lt;img src=x&gt; is wrong"
    assert message_of(raising(InputError("photo.png is damaged"))) == "photo.png is damaged"
    assert "not enough memory" in message_of(raising(MemoryError()))
    assert capsys.readouterr().err == ""
    sentence = message_of(raising(KeyError("/home/somebody/secret")))
    assert "inside the program" in sentence and "secret" not in sentence
    assert "secret" in capsys.readouterr().err  # the terminal says more


def test_what_a_model_has_not_is_switched_off(page_handlers):
    limits = uploads.Limits(samples=4, steps=9)
    ffc, flow = (handlers.option_states(page_handlers.models[name], limits) for name in ("ffc", "flow"))
    assert [values["interactive"] for values in ffc] == [False, False, True]
    assert [values["interactive"] for values in flow] == [True, True, True]
    assert flow[1]["value"] == 3  # the model's own steps
    assert handlers.option_states(page_handlers.models["flow"], uploads.Limits(steps=2))[1]["value"] == 2


@pytest.mark.parametrize(
    "samples, steps, seed, words",
    [
        (5, 3, 0, "samples: a whole number from 1 to 4, not 5"),
        (1, 10, 0, "steps: a whole number from 1 to 9"),
        (1, 2.5, 0, "steps: a whole number"),
        (1, 3, -1, "the seed: a whole number from 0"),
        (None, 3, 0, "samples: a whole number"),
        (float("nan"), 3, 0, "samples: a whole number"),
        ("many", 3, 0, "samples: a whole number"),
    ],
)
def test_settings_out_of_range(page_handlers, samples, steps, seed, words):
    photo = str(page_handlers.examples[0].photo)
    sentence = message_of(page_handlers.fill, photo, None, False, None, "flow", samples, steps, seed, False)
    assert words.lower() in sentence.lower()


def test_a_model_that_is_not_offered(page_handlers):
    photo = str(page_handlers.examples[0].photo)
    message = message_of(page_handlers.fill, photo, None, False, None, "../x", 1, 1, 0, False)
    assert message == "There is no model &#x27;../x&#x27;: choose one of ffc, flow"


def test_a_fill_and_its_samples(page_handlers, tmp_path, helpers):
    """Values go to their components: files that exist, tabs that samples need, and the sample that is clicked."""
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    hole = np.zeros((40, 48), bool)
    hole[10:20, 10:30] = True
    mask = str(helpers.write_hole(tmp_path / "m.png", hole))
    update = page_handlers.fill(str(tmp_path / "a.png"), mask, False, None, "flow", 2, 3, 0, False)
    assert update.keys() == handlers.empty_results("").keys()
    filled = update["filled"]
    assert update["slider"] == (filled.before, filled.after[0])
    assert update["gallery"] == [(filled.after[0], "sample 1"), (filled.after[1], "sample 2")]
    assert update["samples_tab"]["visible"] and update["uncertainty_tab"]["visible"]
    assert update["download"]["value"] == filled.results[0]
    selected = page_handlers.select(filled, gr.SelectData(None, {"index": 1, "value": None}))
    assert selected["slider"] == (filled.before, filled.after[1])
    assert selected["download"]["value"] == filled.results[1]
    assert "no such sample" in message_of(
        page_handlers.select, filled, gr.SelectData(None, {"index": 2, "value": None})
    )
    single = page_handlers.fill(str(tmp_path / "a.png"), mask, True, None, "ffc", 4, 3, 0, False)
    assert not single["samples_tab"]["visible"] and len(single["filled"].results) == 1
    assert np.array_equal(np.asarray(Image.open(single["filled"].mask)) > 0, ~hole)


def test_after_a_refusal_what_can_be_read_stays(page_handlers, tmp_path, helpers):
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    good, bad = str(tmp_path / "a.png"), str(tmp_path / "b.png")
    assert "b.png is not a picture" in message_of(page_handlers.load, good, bad, False)
    recovered = page_handlers.recover(good)
    assert (recovered["photo"], recovered["mask"], recovered["invert"]) == (good, None, False)
    assert recovered["editor"]["visible"]
    cleared = page_handlers.recover(bad)
    assert (cleared["photo"], cleared["mask"], cleared["invert"]) == (None, None, False)
    assert not cleared["editor"]["visible"]
