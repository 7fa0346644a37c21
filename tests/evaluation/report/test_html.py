"""The report: what it says, and that a real browser opens it without an error or a request."""

import html
import json
import re
import shutil
import subprocess

import pytest

from latentinpaint.evaluation.report.html import tables_page
from latentinpaint.evaluation.report.page_tables import Cell, PageTable, TableLine
from latentinpaint.evaluation.report.page_words import METRIC_CONVENTIONS, TABLE_CONVENTIONS
from latentinpaint.evaluation.report.table_columns import surely_best

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def cells(page, row):
    """The cells of every table's line of a method, tags removed."""
    lines = re.findall(rf"<tr[^>]*><td>{re.escape(row)}</td>(.*?)</tr>", page)
    return [
        [re.sub(r"<.*?>", " ", cell).strip() for cell in re.findall(r"<td.*?>(.*?)</td>", line)] for line in lines
    ]


def as_html(sentence):
    return html.escape(sentence, quote=False).replace("'", "&#39;")


def test_figures_are_the_summarys(report):
    path, summary = report
    page = path.read_text()
    row = summary.rows["telea"]
    hole = cells(page, "OpenCV Telea")[0]
    psnr = row.means["psnr_hole"]
    assert hole[0] == f"{psnr.value:.2f} {psnr.low:.2f} … {psnr.high:.2f}"
    assert hole[-1].startswith(f"{row.means['l1_hole'].value:.4f}")
    difference = summary.differences["telea"]["l1_hole"]
    compared = cells(page, "OpenCV Telea")[-1][-1]
    assert (
        compared.startswith(f"{difference.mean.value:+.4f}")
        and f"better on {difference.better} of {difference.of}" in compared
    )
    assert re.search(r'<tr class="reference"><td>my flow</td>', page)


def test_bold_is_what_the_columns_say(report):
    path, summary = report
    table = re.search(r"<h2>In the hole</h2>(.*?)</table>", path.read_text(), re.DOTALL)[1]
    bold = re.findall(r'<tr[^>]*><td>([^<]*)</td><td class="best">', table)
    best = surely_best(list(summary.rows.values()), "psnr_hole", True)
    assert bold == [summary.rows[name].label for name in [best] if name]


def test_conventions_stand_beside_the_figures(report):
    page = report[0].read_text()
    for sentence in (*TABLE_CONVENTIONS, *METRIC_CONVENTIONS):
        assert as_html(sentence) in page


def test_a_page_of_tables_says_nothing_of_another_page_s_tables():
    table = PageTable("a", "Some table", ["variant", "PSNR"], [TableLine("one", [Cell("18.20")])])
    page = tables_page("Some title", "Some words.", [table])
    assert all(as_html(sentence) in page for sentence in METRIC_CONVENTIONS)
    assert not any(as_html(sentence) in page for sentence in TABLE_CONVENTIONS)
    assert cells(page, "one") == [["18.20"]]


def test_settings_stand_as_words(report):
    page = report[0].read_text()
    assert "<dt>versions</dt><dd>torch 2, numpy 3</dd>" in page
    assert "<dt>compared</dt><dd>telea: label Telea, kind B; ns: label NS</dd>" in page
    assert "<dt>nothing</dt>" not in page


def test_names_and_notes_cannot_write_html(report):
    page = report[0].read_text()
    assert "<b>&\"'.png" not in page and "<i>tags</i>" not in page
    assert "a note with &lt;i&gt;tags&lt;/i&gt;" in page


def test_it_needs_nothing_else(report):
    """No address but data: in any place a browser would fetch from."""
    page = report[0].read_text()
    for address in re.findall(r"""(?:src|href|action|poster|data)=["']([^"']*)["']""", page):
        assert address.startswith(("data:", "#")), address
    assert not re.search(r"url\((?!#)", page) and "@import" not in page and '<link rel="stylesheet' not in page
    assert "default-src 'none'" in page


# --- in a browser -----------------------------------------------------------------------------------------

PROBE = """
<script>
window.addEventListener("error", function (event) { document.body.dataset.error = event.message; });
window.addEventListener("load", function () {
  var part = document.querySelector(".case"), layers = part.querySelectorAll(".stage img");
  var said = {ready: document.body.dataset.ready, cases: document.querySelectorAll(".case").length};
  said.loaded = Array.from(document.images).every(function (i) { return i.complete && i.naturalWidth > 0; });
  var range = part.querySelector("input");
  range.value = 80; range.dispatchEvent(new Event("input", {bubbles: true}));
  said.cut = part.querySelector(".stage").style.getPropertyValue("--cut");
  var thumbs = part.querySelectorAll(".thumbs figure");
  said.right = layers[1].src === thumbs[0].querySelector("img").src;
  thumbs[2].click();
  said.left = layers[0].src === thumbs[2].querySelector("img").src && part.querySelector("select").value === "2";
  var select = part.querySelectorAll("select")[1];
  select.value = "1"; select.dispatchEvent(new Event("change", {bubbles: true}));
  said.changed = layers[1].src === thumbs[1].querySelector("img").src;
  said.width = document.documentElement.scrollWidth; said.window = window.innerWidth;
  said.error = document.body.dataset.error || "";
  document.body.dataset.said = JSON.stringify(said);
  if (window.parent !== window) { window.parent.postMessage(JSON.stringify(said), "*"); }
});
</script>
"""


def browse(page, folder, width=1200):
    """What the page's probe said, what the console said, and the addresses that were asked for."""
    log = folder / "net.json"
    quiet = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync")
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *quiet),
            *(f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"--window-size={width},900"),
            *("--enable-logging=stderr", "--virtual-time-budget=4000", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = re.search(r'data-said="(.*?)"', done.stdout)
    assert said, done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    # The browser itself asks for its clock and dictionaries: "not an origin". What is left is the page's.
    requests = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    pages = [r for r in requests if r.get("initiator", "not an origin") != "not an origin"]
    asked = {r["url"] for r in pages if not r.get("url", "file:").startswith(("file:", "data:"))}
    return json.loads(html.unescape(said[1])), console, asked


@needs_browser
def test_it_opens_in_a_browser(report, tmp_path):
    probed = tmp_path / "probed.html"
    probed.write_text(report[0].read_text().replace("</body>", PROBE + "</body>"))
    said, console, asked = browse(probed, tmp_path)
    assert said["error"] == "" and console == []
    assert asked == set()
    assert said["ready"] == "yes" and said["cases"] == 9 and said["loaded"]
    assert said["cut"] == "80%" and said["left"] and said["right"] and said["changed"]


@needs_browser
def test_the_browser_test_can_fail(report, tmp_path):
    """An error in the page's script and an address outside are both found."""
    wrong = report[0].read_text().replace("var stage = part", "var stage = nothing.there; part")
    wrong = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", wrong)
    wrong = wrong.replace("<body>", '<body><img src="http://127.0.0.1:9/x.png">')
    (tmp_path / "wrong.html").write_text(wrong.replace("<body>", "<body>" + PROBE))
    said, console, asked = browse(tmp_path / "wrong.html", tmp_path)
    assert console and asked == {"http://127.0.0.1:9/x.png"} and said.get("ready") is None


@needs_browser
def test_nothing_runs_off_a_phones_screen(report, tmp_path):
    """In a frame as wide as a phone: tables scroll by themselves, the page does not."""
    (tmp_path / "probed.html").write_text(report[0].read_text().replace("</body>", PROBE + "</body>"))
    (tmp_path / "frame.html").write_text(
        '<body><iframe src="probed.html" width="375" height="800" style="border:0"></iframe><script>'
        'addEventListener("message", function (e) { document.body.dataset.said = e.data; });</script></body>'
    )
    said, _, _ = browse(tmp_path / "frame.html", tmp_path)
    assert said["window"] == 375 and said["width"] <= 375
