"""What the page says and switches off; its doings are tested in the browser."""

import numpy as np
import pytest
from PIL import Image

gr = pytest.importorskip("gradio", reason="gradio is not installed")

from latentinpaint.app import handlers, service  # noqa: E402
from latentinpaint.app.examples import write_examples  # noqa: E402
from latentinpaint.app.models import load_models  # noqa: E402
from latentinpaint.app.store import Store  # noqa: E402
from latentinpaint.errors import InputError  # noqa: E402


@pytest.fixture
def answering(model_files):
    store = Store()
    models = load_models([str(model_files["ffc"]), str(model_files["flow"])], "cpu")
    yield handlers.Handlers(
        models, store, service.Limits(samples=4, steps=9), write_examples(store.new_folder(kept=True))
    )
    store.close()


def said(function, *arguments):
    with pytest.raises(gr.Error) as caught:
        function(*arguments)
    return caught.value.message


def raising(error):
    @handlers.spoken
    def handler():
        raise error

    return handler


def test_every_failure_is_a_sentence(capsys):
    assert said(raising(InputError("the mask <img src=x> is wrong"))) == "The mask &lt;img src=x&gt; is wrong"
    assert said(raising(InputError("photo.png is damaged"))) == "photo.png is damaged"
    assert "not enough memory" in said(raising(MemoryError()))
    assert capsys.readouterr().err == ""
    sentence = said(raising(KeyError("/home/somebody/secret")))
    assert "inside the program" in sentence and "secret" not in sentence
    assert "secret" in capsys.readouterr().err  # the terminal says more


def test_what_a_model_has_not_is_switched_off(answering):
    limits = service.Limits(samples=4, steps=9)
    ffc, flow = (handlers.option_values(answering.models[name], limits) for name in ("ffc", "flow"))
    assert [values["interactive"] for values in ffc] == [False, False, True]
    assert [values["interactive"] for values in flow] == [True, True, True]
    assert flow[1]["value"] == 3  # the model's own steps
    assert handlers.option_values(answering.models["flow"], service.Limits(steps=2))[1]["value"] == 2


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
def test_settings_out_of_range(answering, samples, steps, seed, words):
    photo = str(answering.examples[0].photo)
    sentence = said(answering.fill, photo, None, False, None, "flow", samples, steps, seed, False)
    assert words.lower() in sentence.lower()


def test_a_model_that_is_not_offered(answering):
    photo = str(answering.examples[0].photo)
    assert "no model ../x here" in said(answering.fill, photo, None, False, None, "../x", 1, 1, 0, False)


def test_a_fill_and_its_samples(answering, tmp_path, helpers):
    """Values go to their places: files that exist, tabs that samples need, and the sample that is clicked."""
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    hole = np.zeros((40, 48), bool)
    hole[10:20, 10:30] = True
    mask = str(helpers.write_hole(tmp_path / "m.png", hole))
    answers = answering.fill(str(tmp_path / "a.png"), mask, False, None, "flow", 2, 3, 0, False)
    assert len(answers) == len(handlers.nothing("")) == 10
    filled = answers[-1]
    assert answers[1] == (filled.before, filled.afters[0]) and len(answers[2]) == 2
    assert answers[5]["visible"] and answers[6]["visible"] and answers[7]["value"] == filled.results[0]
    slider, button = answering.select(filled, gr.SelectData(None, {"index": 1, "value": None}))
    assert slider == (filled.before, filled.afters[1]) and button["value"] == filled.results[1]
    assert "no such sample" in said(answering.select, filled, gr.SelectData(None, {"index": 2, "value": None}))
    alone = answering.fill(str(tmp_path / "a.png"), mask, True, None, "ffc", 4, 3, 0, False)
    assert not alone[5]["visible"] and len(alone[-1].results) == 1
    assert np.array_equal(np.asarray(Image.open(alone[-1].mask)) > 0, ~hole)


def test_after_a_refusal_what_can_be_read_stays(answering, tmp_path, helpers):
    Image.fromarray(helpers.smooth(40, 48)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    good, bad = str(tmp_path / "a.png"), str(tmp_path / "b.png")
    assert "b.png is not a picture" in said(answering.load, good, bad, False)
    kept, mask, invert, editor, *_ = answering.recover(good)
    assert (kept, mask, invert) == (good, None, False) and editor["visible"]
    assert answering.recover(bad)[:3] == [None, None, False] and not answering.recover(bad)[3]["visible"]
