"""opsctl metrics on the running product: through the operations API, with its roles."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.e2e.stack import Stack
from tests.servers import wait_for


def test_out_of_and_into_the_running_product(stack: Stack, tmp_path: Path) -> None:
    wait_for(lambda: stack.opsctl("query", "count(up)").returncode == 0, what="a scrape")
    out = tmp_path / "a.om.gz"
    done = stack.opsctl(
        "metrics", "export", "--match", "up", "--start", str(time.time() - 300), "-o", str(out), "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["samples"] > 0
    assert stack.opsctl("metrics", "import", str(out)).returncode == 0
    own = tmp_path / "own.om"
    own.write_text(f'drill_result{{from="elsewhere"}} 1 {time.time() - 5:.3f}\n# EOF\n')
    done = stack.opsctl("metrics", "import", str(own), "--json")
    assert (done.returncode, json.loads(done.stdout)["kept"]) == (0, 1), done.stderr
    assert stack.opsctl("query", "last_over_time(drill_result[5m])").returncode == 0
    own.write_text(f'drill_result{{from="a viewer"}} 1 {time.time():.3f}\n# EOF\n')
    refused = stack.opsctl("metrics", "import", str(own), "--as", "viewer")
    assert (refused.returncode, "--as operator" in refused.stderr) == (1, True)


def test_what_takes_space(stack: Stack) -> None:
    for by in ("metric", "label", "job", "target"):
        done = stack.opsctl("metrics", "top", "--by", by, "-n", "3", "--json")
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["rows"]) == 3
