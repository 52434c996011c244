"""What several tests share: the folder of public research data, when it is there."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared():
    """The folder of research data beside the repository; tests that need it are skipped without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the research data in {SHARED.name}/data beside the repository")
    return SHARED / "data"
