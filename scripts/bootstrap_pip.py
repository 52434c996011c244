"""Puts pip into a virtual environment made without it, where Python came without ensurepip (Debian's python3 alone).

    python bootstrap_pip.py FOLDER

The wheel is the newest final one of the package index ($PIP_INDEX_URL, or PyPI), checked against the index's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import Request, urlopen

WHEEL = re.compile(r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl")
JSON = "application/vnd.pypi.simple.v1+json"


def newest(page: str) -> dict[str, object]:
    """The index's entry for the newest final wheel of pip."""
    with urlopen(Request(page, headers={"Accept": JSON}), timeout=60) as answer:  # noqa: S310 - the package index
        files = json.load(answer)["files"]
    wheels = [(WHEEL.fullmatch(file["filename"]), file) for file in files if not file.get("yanked")]
    found = [([int(part) for part in match[1].split(".")], file) for match, file in wheels if match]
    return max(found, key=lambda entry: entry[0])[1]


def main() -> None:
    page = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    entry = newest(page)
    with urlopen(urljoin(page, str(entry["url"])), timeout=180) as answer:  # noqa: S310 - the package index
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != dict(entry["hashes"])["sha256"]:
        sys.exit(f"{entry['filename']} is not what the index says it is")
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, str(entry["filename"]))
        wheel.write_bytes(content)
        python = str(Path(sys.argv[1], "bin", "python"))
        subprocess.run([python, f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)], check=True)


if __name__ == "__main__":
    main()
