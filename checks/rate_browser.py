"""Drives a whole rating session in a real Chromium: by mouse and by keyboard, at desktop and telephone size, light and
dark, without scripts, with the server killed in the middle. Screenshots go to target/rate-browser/shots, to be looked
at. Run by `make rate-browser`; it says so and passes where there is no Chromium."""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
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
from selenium.webdriver.support.ui import WebDriverWait

TARGET = Path("target/debug")
SHOTS = Path("target/rate-browser/shots")
SCALE = ["Very annoying", "Annoying", "Slightly annoying", "Perceptible but not annoying", "Imperceptible"]


class Server:
    def __init__(self, study, at="127.0.0.1:0"):
        self.study = study
        self.process = subprocess.Popen(
            [TARGET / "moire", "rate", "serve", study, "--listen", at], stdout=subprocess.PIPE, text=True)
        said = [self.process.stdout.readline() for _ in range(4)]
        self.url = said[0].split()[2]
        self.password = said[1].split()[3]
        self.open_link = said[2].split()[2]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def again(self):
        self.kill()
        return Server(self.study, self.url.removeprefix("http://"))


class Browser:
    def __init__(self, name, width, height, ratio=1, dark=False, script=True, mobile=False):
        self.name = name
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        self.profile = tempfile.mkdtemp()
        for flag in ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     f"--user-data-dir={self.profile}", "--lang=en"]:
            options.add_argument(flag)
        if not script:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        cdp = self.driver.execute_cdp_cmd
        cdp("Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": mobile})
        scheme = "dark" if dark else "light"
        cdp("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.ratio, self.script = ratio, script

    def shot(self, what):
        self.driver.save_screenshot(str(SHOTS / f"{self.name}-{what}.png"))

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def press(self, selector):
        old = self.driver.find_element(By.TAG_NAME, "html")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()
        self.gone(old)

    def gone(self, old):
        def stale(_):
            try:
                old.is_enabled()
                return False
            except Exception:
                return True
        WebDriverWait(self.driver, 20).until(stale)

    def ready(self):
        if self.script:
            WebDriverWait(self.driver, 20).until(
                lambda d: not d.find_elements(By.CSS_SELECTOR, "body.waiting"))

    def answer(self, score, by_key):
        self.ready()
        wanted = re.search(r"choose “(.+)”", self.text())
        if wanted:
            score = SCALE.index(wanted.group(1)) + 1
        if by_key:
            old = self.driver.find_element(By.TAG_NAME, "html")
            self.driver.find_element(By.TAG_NAME, "body").send_keys(str(score))
            self.gone(old)
        else:
            self.press(f".choices button[value='{score}']")

    def errors(self):
        """What the browser complains of: a policy that was broken, a file that was missing."""
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")
                and not any(word in e["message"] for word in ("preloaded", "favicon.ico"))]

    def exact(self):
        """The size of each picture on the screen, in its own pixels, and the file's."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll('.exact')].map(i => {"
            "const b = i.getBoundingClientRect(), r = window.devicePixelRatio;"
            "return [b.width * r, b.height * r, +i.dataset.width, +i.dataset.height]})")

    def to_first_pair(self, link):
        self.driver.get(link)
        self.shot("1-consent")
        self.press("main .primary")
        self.shot("2-instructions")
        self.press("main .primary")
        self.shot("3-screen")
        self.driver.find_element(By.ID, "number").send_keys("0")
        self.driver.find_element(By.ID, "squares").send_keys("4")
        self.press("main .primary")
        self.ready()
        self.shot("4-practice")
        while "Practice" in self.text():
            self.answer(3, by_key=False)
        self.shot("5-ready")
        self.press("main .primary")

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)


def check(holds, what):
    if not holds:
        print(f"FAILED: {what}")
        sys.exit(1)


def session(server, browser, by_key, restart, undo):
    """One whole set; answers as they should stand in the store."""
    link = subprocess.run([TARGET / "moire", "rate", "links", server.study, "--count", "1", "--address", server.url],
                          capture_output=True, text=True, check=True).stdout.splitlines()[1]
    link, code = link.split(",")
    browser.to_first_pair(link)
    for n in range(1, 8):
        browser.ready()
        check(f"Pair {n} of 7" in browser.text(), f"{browser.name}: pair {n}\n{browser.text()}")
        if browser.script:
            for width, height, w, h in browser.exact():
                check(abs(width - w) < 0.02 and abs(height - h) < 0.02, f"{browser.name}: {width} x {height} of {w} x {h}")
        if n in (1, 4):
            browser.shot(f"6-pair{n}")
        if n == 3 and undo:
            if by_key:
                old = browser.driver.find_element(By.TAG_NAME, "html")
                browser.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.BACKSPACE)
                browser.gone(old)
            else:
                browser.press("#undo button")
            check("Pair 2 of 7" in browser.text(), "undo leads back")
            browser.answer(2, by_key)
        if n == 4:
            browser.driver.find_element(By.CSS_SELECTOR, ".aside a").click()
            WebDriverWait(browser.driver, 20).until(lambda b: "Paused" in browser.text())
            browser.shot("7-pause")
            browser.driver.get(link)
            if restart:
                server = server.again()
                browser.driver.get(link)
                check("Pair 4 of 7" in browser.text(), "the link leads back after a kill")
        browser.answer(2, by_key)
    check(code in browser.text(), f"{browser.name}: the code\n{browser.text()}")
    browser.shot("8-done")
    errors = browser.errors()
    check(not errors, f"{browser.name}: {errors}")
    browser.close()
    return server


def main():
    shutil.rmtree(SHOTS, ignore_errors=True)
    SHOTS.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as study:
        subprocess.run([TARGET / "examples/rating_study", study], check=True)
        server = Server(study)
        try:
            runs = [
                (dict(name="desktop-light", width=1280, height=800), False, True, True),
                (dict(name="desktop-dark", width=1280, height=800, dark=True), True, False, True),
                (dict(name="telephone-light", width=390, height=844, ratio=3, mobile=True), False, False, True),
                (dict(name="telephone-dark", width=390, height=844, ratio=2, mobile=True, dark=True), True, True, False),
                (dict(name="narrow", width=420, height=800), False, False, False),
                (dict(name="no-script", width=1280, height=800, script=False), False, False, True),
            ]
            for settings, by_key, restart, undo in runs:
                server = session(server, Browser(**settings), by_key, restart, undo)
                print(f"{settings['name']}: from consent to code")
            # Without a script pixels are exact too, where the screen's density is a common one.
            for ratio in (1, 1.5, 2, 3):
                browser = Browser(f"no-script-{ratio}x", 1280, 800, ratio=ratio, script=False)
                link = subprocess.run([TARGET / "moire", "rate", "links", study, "--count", "1", "--address", server.url],
                                      capture_output=True, text=True, check=True).stdout.splitlines()[1].split(",")[0]
                browser.to_first_pair(link)
                for width, height, w, h in browser.exact():
                    check(abs(width - w) < 0.5, f"no script at {ratio}: {width} of {w}")
                browser.close()
            print("no-script: pixels are the screen's at 1, 1.5, 2 and 3 to one")
            admin = Browser("administrator", 1280, 900)
            admin.driver.get(f"{server.url}/admin")
            admin.shot("1-enter")
            admin.driver.find_element(By.ID, "password").send_keys(server.password)
            admin.press("main .primary")
            check("hush 1" in admin.text(), "the administrator's page")
            admin.shot("2-board")
            admin.driver.get(server.open_link)
            admin.shot("3-join")
            admin.close()
        finally:
            server.kill()
        subprocess.run([TARGET / "moire", "rate", "export", study], check=True, capture_output=True)
        answers = json.loads((Path(study) / "rating/answers.json").read_text())["answers"]
        finished = [a for a in answers if a["set_finished"]]
        check(len(finished) == 7 * len(runs), f"{len(finished)} answers in finished sets")
        check(all(a["score"] == (a["asked"] or 2) for a in finished), "the store holds what was chosen")
        check(all(a["set_counts"] for a in finished), "no trap was missed")
        check(any(a["fits"] is False for a in finished), "a window too small is noted")
        subprocess.run([TARGET / "moire", "rate", "analyse", study], check=True, capture_output=True)
        shutil.copy(Path(study) / "report.html", SHOTS.parent / "report.html")
        page = Browser("report", 1280, 1500)
        page.driver.get((SHOTS.parent / "report.html").resolve().as_uri() + "#opinion")
        page.shot("opinion")
        page.close()
    print(f"screenshots: {SHOTS}")


main()
