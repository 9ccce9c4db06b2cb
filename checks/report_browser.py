"""Opens reports in a real Chromium, from disk: no console error, tables sort, choices leave some, pictures are compared by
mouse and keyboard, axe-core finds no serious fault, a study of 1,000 images does not slow it; desktop and telephone, light and
dark, and on paper. Screenshots go to target/report-browser/shots, to be looked at. Run by `make report-browser`; it says so
and passes where there is no Chromium."""

import base64
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
if not CHROMIUM or not DRIVER:
    print("ignored: chromium not found")
    sys.exit(0)

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = Path(__file__).resolve().parent.parent
MOIRE = ROOT / "target/release/moire"
WORK = ROOT / "target/report-browser"
SHOTS = WORK / "shots"
AXE = WORK / "node_modules/axe-core/axe.min.js"
NET = ROOT / "crates/moire-formats/tests/data/onnx/nhwc.onnx"
IMAGES = 1000


def png(width, height, seed):
    """A small picture that no other seed has."""
    rows = b""
    for y in range(height):
        rows += b"\0" + bytes((40 + seed * 7919 % 101 + (x * 31 + y * 17 + seed * 13) % 97) % 256 for x in range(3 * width))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def study(folder):
    """Three detectors, 1,000 images, five attacks, transfers and transforms: everything that a report may show."""
    faces = folder / "faces"
    for label in ["real", "fake"]:
        (faces / label).mkdir(parents=True)
        for i in range(IMAGES // 2):
            (faces / label / f"{i:03}.png").write_bytes(png(6, 8, i if label == "real" else i + 500))
    plan = "title = 'One thousand images'\nbudgets = ['8/255', '24/255']\njudges = 'all'\ntransforms = ['jpeg(75)']\n"
    for name, labels in [("first", "real,fake,x,y"), ("second", "x,real,y,fake"), ("third", "fake,x,real,y")]:
        plan += f"[[detector]]\nname = '{name}'\nmodel = 'onnx:{NET}'\nlabels = '{labels}'\n"
    plan += "[[data]]\npath = 'faces'\n[[attack]]\nmethod = ['apgd(steps=20)', 'pgd', 'deepfool(norm=linf)', 'urn']\n"
    (folder / "plan-of-many.toml").write_text(plan)
    out = folder / "study"
    run([MOIRE, "run", folder / "plan-of-many.toml", "--out", out, "--batch", "64"])
    return out


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode in (0, 3), f"{command}: {done.stderr}"


class Browser:
    def __init__(self, name, width, height, ratio=1, dark=False, mobile=False):
        self.name = name
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                     f"--user-data-dir={tempfile.mkdtemp()}", "--lang=en"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": mobile})
        scheme = "dark" if dark else "light"
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, page):
        start = time.monotonic()
        self.driver.get(page.resolve().as_uri())
        self.driver.execute_script("return document.body.offsetHeight")
        return time.monotonic() - start

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def shot(self, what):
        self.driver.save_screenshot(str(SHOTS / f"{self.name}-{what}.png"))

    def sections(self, what):
        """A picture of each section."""
        for section in self.all("section"):
            self.driver.execute_script("arguments[0].scrollIntoView()", section)
            time.sleep(0.1)
            self.shot(f"{what}-{section.get_attribute('id')}")

    def quiet(self):
        bad = [e for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
        assert not bad, f"{self.name}: {bad}"

    def axe(self):
        # As a page's own script it would be refused; this way it is the browser's.
        self.driver.execute_script(AXE.read_text())
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done, e => done({error: String(e)}))")
        assert "error" not in found, found
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        told = [(v["id"], v["help"], [n["html"][:160] for n in v["nodes"][:3]]) for v in serious]
        assert not told, f"{self.name}: {json.dumps(told, indent=1)}"
        return [(v["id"], v["impact"]) for v in found["violations"]]

    def quit(self):
        self.driver.quit()


def column(browser, table, at):
    script = "return [...document.getElementById(arguments[0]).tBodies[0].rows].map(r => r.cells[arguments[1]].dataset.sort)"
    return browser.driver.execute_script(script, table, at)


def use(browser):
    """What a reader does."""
    # Every table sorts, up, down, and back.
    for table in browser.all("table:not(.matrix)"):
        name = table.get_attribute("id")
        heads = table.find_elements(By.CSS_SELECTOR, "thead th")
        for at, head in enumerate(heads):
            before = column(browser, name, at)
            button = head.find_element(By.TAG_NAME, "button")
            browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
            button.send_keys(Keys.ENTER)
            numeric = "num" in (head.get_attribute("class") or "")
            key = float if numeric else str.lower
            up = column(browser, name, at)
            assert head.get_attribute("aria-sort") == "ascending"
            assert [key(v) for v in up] == sorted(map(key, before)) if numeric else sorted(up) == sorted(before), (name, at)
            button.send_keys(Keys.ENTER)
            down = column(browser, name, at)
            assert not numeric or [key(v) for v in down] == sorted(map(key, before), reverse=True), (name, at)
            button.send_keys(Keys.ENTER)
            assert column(browser, name, at) == before and head.get_attribute("aria-sort") is None
    # Choices leave some panels.
    panels = browser.all("[data-panel]")
    selects = browser.all("#images .choices select")
    if selects:
        browser.driver.execute_script(
            "arguments[0].selectedIndex = 1; arguments[0].dispatchEvent(new Event('change'))", selects[0])
        left = [p for p in panels if p.is_displayed()]
        assert 0 < len(left) < len(panels)
        browser.driver.execute_script(
            "arguments[0].selectedIndex = 0; arguments[0].dispatchEvent(new Event('change'))", selects[0])
    # A panel opens by keyboard; the slider wipes, f flips, + enlarges, PageDown turns, Escape closes.
    opener = panels[0].find_element(By.CSS_SELECTOR, "button")
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", opener)
    opener.send_keys(Keys.ENTER)
    over = lambda: browser.one("dialog .stack img + img")
    wiped = lambda: over().value_of_css_property("clip-path")
    slider = browser.one("dialog input[type=range]")
    assert browser.driver.switch_to.active_element == slider
    first = wiped()
    slider.send_keys(Keys.ARROW_RIGHT)
    assert wiped() != first
    slider.send_keys("f")
    flipped = wiped()
    slider.send_keys("f")
    assert wiped() != flipped
    slider.send_keys("+")
    assert browser.one("dialog .stack").get_attribute("data-zoom") == "2"
    time.sleep(0.3)
    browser.shot("compare")
    source = over().get_attribute("src")
    assert not source.startswith("data:"), "the whole file beside the page is shown"
    assert browser.driver.execute_script("return arguments[0].naturalWidth", over()) > 0
    slider.send_keys(Keys.PAGE_DOWN)
    assert over().get_attribute("src") != source
    browser.axe()
    slider.send_keys(Keys.ESCAPE)
    assert not browser.all("dialog") and browser.driver.switch_to.active_element.tag_name == "button"
    # Images are found by name.
    search = browser.all("input[type=search]")
    if search:
        wanted = browser.one("#index-table .file").get_attribute("textContent").split()[0]
        search[0].send_keys(wanted)
        left = browser.driver.execute_script(
            "return [...document.querySelectorAll('#index-table tbody tr')].map((r) => r.hidden)")
        assert False in left and True in left, wanted
        search[0].send_keys(Keys.CONTROL, "a")
        search[0].send_keys(Keys.DELETE)


def pages():
    """Reports to look at: those named, or else a study that is made here."""
    if len(sys.argv) > 1:
        return [Path(p) / "report.html" for p in sys.argv[1:]]
    folder = Path(tempfile.mkdtemp(dir=WORK))
    return [study(folder) / "report.html"]


def main():
    SHOTS.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages()):
        assert "http" not in page.read_text().replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
        size = page.stat().st_size / 1e6
        for name, options in [
            ("desktop", dict(width=1280, height=900)),
            ("dark", dict(width=1280, height=900, dark=True)),
            ("telephone", dict(width=390, height=844, ratio=3, mobile=True)),
        ]:
            browser = Browser(f"{number}-{name}", **options)
            took = browser.open(page)
            browser.shot("top")
            wide = browser.driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{name}: the page is {wide} pixels wider than the screen"
            minor = browser.axe()
            if name == "desktop":
                use(browser)
            browser.sections("at")
            browser.quiet()
            print(f"{page.parent.name}, {name}: {size:.1f} MB, open in {took:.2f} s; minor remarks: {minor}")
            if name == "desktop":
                paper = browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
                (SHOTS / f"{number}-paper.pdf").write_bytes(base64.b64decode(paper["data"]))
            assert took < 5, f"{name}: {took} s"
            browser.quit()


main()
