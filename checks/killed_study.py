"""Runs a study of three embedded detectors, six attacks and 64 sample faces twice: undisturbed, and killed (SIGKILL)
twenty times at random moments, with other batches and threads each time. Records, files and report have to be the same,
byte for byte, but for times. Run by `make killed-study`; some minutes."""

import json
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target/killed-study"
KILLS = 20
PLAN = """
seed = 3
budgets = ["2/255"]
judges = "all"
transforms = ["jpeg(75)"]

[[data]]
path = "faces/swap"
limit = 32

[[detector]]
model = "ynet-swap"
[[detector]]
model = "mesoinception4-swap"
[[detector]]
model = "xception"

[[attack]]
method = ["fgsm", "pgd", "apgd(steps=20)", "kra(rounds=4)", "deepfool", "urn"]
"""


def start(moire, folder, *more):
    command = [moire, "run", WORK / "plan-of-kills.toml", "--out", folder, *map(str, more)]
    return subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finished(moire, folder, *more):
    process = start(moire, folder, *more)
    said = process.communicate()[1]
    assert process.returncode == 0, said


def untimed(page):
    """A report without what is marked as a time, its command and its threads."""
    for begin, end in [('<span class="time">', "</span>"), ('<td class="num time"', "</td>"),
                       ('<pre tabindex="0" class="command">', "</pre>"), ("<dt>threads</dt>", "</dd>")]:
        page = re.sub(re.escape(begin) + ".*?" + re.escape(end), "", page, flags=re.S)
    return page


def content(folder):
    records = json.loads((folder / "records.json").read_text())["records"]
    for record in records:
        record["measured"]["cost"]["seconds"] = 0
    kept = (p for p in folder.rglob("*") if p.is_file() and p.suffix in (".png", ".safetensors"))
    files = {str(p.relative_to(folder)): p.read_bytes() for p in kept}
    return records, untimed((folder / "report.html").read_text()), files


def main():
    moire = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/moire").resolve()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    (WORK / "plan-of-kills.toml").write_text(PLAN)
    subprocess.run([moire, "samples", WORK / "faces"], check=True, stdout=subprocess.DEVNULL)
    calm, killed = WORK / "calm", WORK / "killed"
    began = time.monotonic()
    finished(moire, calm)
    whole = time.monotonic() - began
    print(f"undisturbed: {whole:.0f} s", flush=True)
    chance = random.Random(1)
    done = 0
    while done < KILLS:
        process = start(moire, killed, "--batch", chance.choice([1, 3, 5, 8, 16]), "--threads", chance.choice([1, 2]))
        # Together the killed runs come to about the whole.
        time.sleep(chance.uniform(0.02, 2.0) * whole / KILLS)
        if process.poll() is None:
            process.kill()
            done += 1
        process.wait()
        if process.returncode == 0:
            break
    print(f"killed {done} times", flush=True)
    finished(moire, killed)
    (records, page, files), (again, page_again, files_again) = content(calm), content(killed)
    assert records == again, "the records differ"
    assert files == files_again, "the files differ"
    assert page == page_again, "the reports differ"
    print(f"{len(records)} records, {len(files)} files and the report are the same")


main()
