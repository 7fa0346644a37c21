"""Samples, cancelling, comparing, expanding, mistakes, other visitors, phones and what screen readers find."""

import numpy as np
import pytest
from page_actions import (
    JOBS,
    colour_at,
    download,
    downloaded,
    drag,
    fill,
    hold_fills,
    hole_of,
    more,
    on_screen,
    open_photo,
    paint,
    shows,
    touches_of,
    view_of,
    wait_for_step,
)
from PIL import Image

SIZE = (161, 120)
LINE = [(40, 50), (110, 60)]


def message(page):
    found = page.locator("#message")
    found.wait_for()
    return page.locator("#message-text").inner_text()


def test_samples_side_by_side(page, tmp_path, helpers):
    """An uploaded mask is the hole exactly; of several samples the one that is clicked is shown and downloaded."""
    before = helpers.smooth(SIZE[1], SIZE[0])
    hole = np.zeros(before.shape[:2], bool)
    hole[31:77, 40:95] = True
    open_photo(page, tmp_path, before)
    page.locator("#mask-file").set_input_files(helpers.write_hole(tmp_path / "mask.png", hole))
    wait_for_step(page, "Mask")
    page.locator("[name=model]").select_option("flow")
    page.locator("[name=samples]").fill("3")
    page.locator("[name=steps]").fill("2")
    fill(page)
    results = [downloaded(page, "download", tmp_path)]
    page.locator("#answers-list button").nth(2).click()
    page.locator("#answers-list button[aria-pressed=true] img[alt='Answer 3']").wait_for()
    results.append(downloaded(page, "download", tmp_path))
    for after in results:
        assert np.array_equal(after[~hole], before[~hole]) and not np.array_equal(after, before)
    assert not np.array_equal(*results)
    [middle] = on_screen(page, SIZE, [(60, 50)])
    page.mouse.move(1, 1)
    plain = colour_at(page, middle)
    page.locator("#answers-map").click()
    page.locator("#answers-map[aria-pressed=true]").wait_for()
    assert not np.array_equal(colour_at(page, middle), plain)
    page.keyboard.press("r")
    page.locator("#again:disabled").wait_for()
    page.locator("#again:enabled").wait_for()
    again = downloaded(page, "download", tmp_path)
    assert np.array_equal(again[~hole], before[~hole]) and not np.array_equal(again, results[0])
    assert page.locator("[name=seed]").input_value() == "1" and page.locator("#strip li").count() == 3
    page.locator("#undo").click()
    assert np.array_equal(hole_of(page, tmp_path), hole)


def test_a_first_look_time_left_cancel_and_invert(page, tmp_path, helpers):
    before = helpers.smooth(SIZE[1], SIZE[0])
    hold_fills(page, [30, 40, 120, 70])
    open_photo(page, tmp_path, before, fill_on_release=True)
    paint(page, SIZE, LINE)
    page.locator("#progress-text", has_text="about 7 s left").wait_for()
    page.mouse.move(1, 1)
    inside, outside = on_screen(page, SIZE, [(75, 55), (75, 100)])
    assert colour_at(page, inside)[1] > 200 and shows(page, SIZE, outside, before)
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.keyboard.press("Escape")
    page.locator("#progress").wait_for(state="hidden")
    assert "Cancelled" in message(page)
    wait_for_step(page, "Painted", 2)
    painted = hole_of(page, tmp_path)
    assert painted.any() and np.array_equal(downloaded(page, "download", tmp_path), before)
    page.locator("#mask-invert").click()
    assert np.array_equal(hole_of(page, tmp_path), ~painted)
    page.locator("#undo").click()
    page.unroute(JOBS)
    # A proxy may not pass server-sent events on: then the page asks how the fill stands.
    page.route("**/events", lambda route: route.abort())
    fill(page)
    assert np.array_equal(hole_of(page, tmp_path), painted)


def test_before_and_after_with_a_divider(page, tmp_path, helpers):
    before = helpers.smooth(SIZE[1], SIZE[0])
    open_photo(page, tmp_path, before)
    paint(page, SIZE, LINE)
    fill(page)
    page.keyboard.press("c")
    divider = page.locator("#divider").bounding_box()
    scale, left, _ = view_of(page, *SIZE)
    assert abs(divider["x"] + divider["width"] / 2 - (left + scale * SIZE[0] / 2)) < 1
    left_place, right_place = on_screen(page, SIZE, [(50, 52), (105, 59)])
    assert shows(page, SIZE, left_place, before) and not shows(page, SIZE, right_place, before)
    page.locator("#divider").focus()
    page.keyboard.press("End")
    assert shows(page, SIZE, right_place, before)


def test_what_the_latent_loses(page, tmp_path, helpers):
    """A sentence while nothing is filled; then a drawing, which goes by Escape."""
    open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]))
    more(page)
    page.locator("#latent-show").click()
    assert "nothing of this photo has been filled yet" in message(page)
    page.locator("#message-close").click()
    paint(page, SIZE, LINE)
    fill(page)
    page.locator("#latent-show").click()
    page.locator("#latent-drawing").wait_for()
    assert page.locator("#latent-drawing").evaluate("drawing => drawing.naturalWidth") > 600
    page.keyboard.press("Escape")
    page.locator("#latent").wait_for(state="hidden")


def test_expand(page, tmp_path, helpers):
    """By a handle and by a number; the photo keeps its pixels, and what was painted its place in them."""
    before = helpers.smooth(SIZE[1], SIZE[0])
    open_photo(page, tmp_path, before)
    paint(page, SIZE, LINE)
    painted = hole_of(page, tmp_path)
    page.locator("#tool-expand").click()
    handle = page.locator("#handle-left")
    handle.focus()
    page.keyboard.press("ArrowLeft")
    page.locator("#expand-right").fill("9999")
    page.locator("#expand-bottom").fill("24")
    assert page.locator("#expand-right").input_value() == "161"  # at most the photo's own width
    page.locator("#expand-right").fill("0")
    page.locator("#expand-start").click()
    wait_for_step(page, "Expanded", 3)
    after = downloaded(page, "download", tmp_path)
    assert after.shape == (120 + 24, 161 + 16, 3) and np.array_equal(after[:120, 16:], before)
    moved = hole_of(page, tmp_path)
    assert np.array_equal(moved[:120, 16:], painted) and moved.sum() == painted.sum()


@pytest.mark.parametrize("gesture", ["box", "outline"])
def test_a_thing_is_selected_with_one_gesture(page, tmp_path, helpers, gesture):
    """A disc on a smooth ground: its mask is a part of the whole, which the eraser mends."""
    rows, columns = np.indices((SIZE[1], SIZE[0]))
    thing = np.hypot(rows - 60, columns - 80) < 25
    photo = helpers.smooth(SIZE[1], SIZE[0]) // 4
    photo[thing] = (230, 210, 40)
    open_photo(page, tmp_path, photo)
    page.locator("#tool-select").click()
    if gesture == "box":
        drag(page, on_screen(page, SIZE, [(48, 28), (112, 92)]))
    else:
        turn = np.linspace(0, 2 * np.pi, 25)
        drag(page, on_screen(page, SIZE, np.stack([80 + 33 * np.sin(turn), 60 + 33 * np.cos(turn)], -1).tolist()), 2)
    wait_for_step(page, "Selected", 2)
    hole = hole_of(page, tmp_path)
    assert hole[thing].mean() > 0.95 and hole[np.hypot(rows - 60, columns - 80) > 32].mean() < 0.02
    page.keyboard.press("e")
    paint(page, SIZE, [(80, 60), (80, 60)])
    wait_for_step(page, "Erased", 3)
    left = hole_of(page, tmp_path)
    assert not left[60, 80] and left.any()
    fill(page)
    assert np.array_equal(hole_of(page, tmp_path), left)


def test_mistakes_are_sentences_and_the_picture_stays(page, tmp_path, helpers):
    (tmp_path / "text.png").write_text("this is no picture")
    page.locator("#chooser").set_input_files(tmp_path / "text.png")
    page.locator("#message.failure", has_text="text.png").wait_for()
    open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]))
    page.locator("#fill").click()
    assert "Nothing is painted yet" in message(page)
    paint(page, SIZE, LINE)
    page.route("**/jobs/fill", lambda route: route.abort())
    page.locator("#fill").click()
    page.locator("#message.failure", has_text="The server does not answer").wait_for()
    assert page.locator("#fill").is_enabled() and page.locator("#strip li").count() == 2
    mask = helpers.write_hole(tmp_path / "mask.png", np.ones((50, 200), bool))
    page.locator("#mask-file").set_input_files(mask)
    page.locator("#message.failure", has_text="another shape than the photo").wait_for()
    page.locator("#message-close").click()
    page.unroute("**/jobs/fill")
    fill(page)


def test_dropped_pasted_and_copied_photos(page, tmp_path, helpers):
    path = tmp_path / "dropped.png"
    Image.fromarray(helpers.smooth(30, 40)).save(path)
    script = """([kind, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
      const options = { bubbles: true, cancelable: true };
      const event =
        kind === "drop"
          ? new DragEvent("drop", { ...options, dataTransfer: data })
          : new ClipboardEvent("paste", { ...options, clipboardData: data });
      document.body.dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        page.evaluate(script, [kind, list(path.read_bytes())])
        page.locator("body.opened").wait_for()
        page.locator("#message").wait_for(state="hidden")
        assert download(page, "download", tmp_path).name.startswith(kind)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#copy").click()
    page.locator("#message-text", has_text="Copied.").wait_for()
    copied = "navigator.clipboard.read().then(([item]) => item.getType('image/png')).then(createImageBitmap)"
    assert page.evaluate(f"{copied}.then((image) => [image.width, image.height])") == [40, 30]


def test_visitors_see_their_own_photos_alone(visit, tmp_path, helpers):
    with visit() as one, visit() as other:
        addresses = []
        one.on("request", lambda request: addresses.append(request.url))
        first, second = helpers.smooth(SIZE[1], SIZE[0]), 255 - helpers.smooth(SIZE[1], SIZE[0])
        for page, photo in ((one, first), (other, second)):
            open_photo(page, tmp_path, photo)
            paint(page, SIZE, LINE)
        for page in (one, other):
            page.locator("#fill").click()
        for page, photo in ((one, first), (other, second)):
            wait_for_step(page, "Filled", 3)
            hole, after = hole_of(page, tmp_path), downloaded(page, "download", tmp_path)
            assert np.array_equal(after[~hole], photo[~hole])
        preview = next(address for address in addresses if "/preview?" in address)
        assert one.request.get(preview).status == 200 and other.request.get(preview).status == 404


def test_on_a_phone(visit, tmp_path):
    """Nothing runs off the screen, Fill stays in view, a finger paints, and two fingers zoom."""
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with visit(**options) as page:
        page.locator("#examples button").nth(1).click()
        page.locator("body.opened").wait_for()
        page.locator("#message").wait_for(state="hidden")
        assert page.locator("#canvas").bounding_box()["width"] == 390
        touch = touches_of(page)
        touch([(100, 300)], [(140, 320)])
        wait_for_step(page, "Painted", 3)  # an example's mask waits for the button
        page.locator("#fill").click()
        wait_for_step(page, "Filled")
        before = page.evaluate("document.getElementById('zoom-number').textContent")
        touch([(150, 300), (250, 300)], [(100, 300), (300, 300)])
        after = page.evaluate("document.getElementById('zoom-number').textContent")
        assert int(after.split()[0]) / int(before.split()[0]) == pytest.approx(2, abs=0.05)
        assert page.locator("#strip li").count() == 4  # two fingers have painted nothing
        page.locator("#more-toggle").click()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator("#more-close").click()
        fill_button = page.locator("#fill").bounding_box()
        assert fill_button["y"] + fill_button["height"] <= 844


def test_accessibility(visit, tmp_path, helpers):
    """No serious finding of axe: at first, and in the light and the dark with all panels shown."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    # axe brings a script of its own, which the content security policy would refuse.
    with visit(bypass_csp=True) as page:
        found = [axe.Axe().run(page)]
        open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]))
        page.locator("[name=model]").select_option("flow")
        page.locator("[name=samples]").fill("2")
        page.locator("[name=steps]").fill("1")
        paint(page, SIZE, LINE)
        fill(page)
        page.locator("#tool-expand").click()
        page.locator("#compare-slider").click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found.append(axe.Axe().run(page))
    serious = []
    for result in found:
        assert len(result.response["passes"]) > 15
        for violation in result.response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                serious.append((violation["id"], [node["html"] for node in violation["nodes"]]))
    assert serious == []
