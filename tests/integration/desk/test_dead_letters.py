"""`desk deadletters` on a real schema; what settling does is in tests/contract/messaging/test_dead_letters.py."""

import asyncio
import os
import sys
from pathlib import Path

from desk.home import ROOT
from tests.conftest import Databases


async def test_what_is_not_there_is_told_in_a_sentence(databases: Databases, tmp_path: Path) -> None:
    url = (await databases.url("sla"))["sla"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "desk", "deadletters", "show", "sla", "17"),
        cwd=ROOT,
        env={**os.environ, "DESK_HOME": str(tmp_path), "DESK_DATABASE_URL": url},
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    await databases.drop(url)
    assert (process.returncode, told.decode()) == (
        1,
        "sla has no dead letter 17; `desk deadletters list` shows them\n",
    )
