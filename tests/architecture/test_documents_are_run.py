"""The runner of the documents' code blocks, run on documents that are wrong in each way it must notice."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

QUOTED = """def f():
    # The answer.
    if True:

        answer = 42
"""
GOOD = """
```python
answer = 42
```

Later blocks know what earlier ones said.

```python
assert answer == 42
def test_answer():
    assert answer == 42
```

```console
$ echo "one two" > file.txt && cat file.txt
one ...
$ exit 3  # exit: 3
```

```toml
[storage]
url = "memory:"
```

```jsonl
{"a": 1}
{"b": 2}
```

```text
no { code
```

<!-- from: quoted.py -->
```python
if True:

    answer = 42
```

<!-- file: saved.py -->
```python
print("saved")
```

```console
$ python saved.py
saved
```

<!-- needs: bash -->
```console
$ bash -c "exit 0"
```

<!-- needs: a-program-that-is-not-here -->
```console
$ false
```

<!-- not-run: needs the real Google -->
```console
$ gcloud version
```
"""
WRONG = {
    "a python block that fails": "```python\nassert 1 == 2\n```\n",
    "a test in a document that fails": "```python\ndef test_sum():\n    assert 1 + 1 == 3\n```\n",
    "a command that fails": "```console\n$ false\n```\n",
    "a command that succeeds but should not": "```console\n$ true  # exit: 1\n```\n",
    "output that differs": "```console\n$ echo one\ntwo\n```\n",
    "TOML that does not parse": "```toml\nurl = \n```\n",
    "JSON that does not parse": "```json\n{'a': 1}\n```\n",
    "a JSON line that does not parse": '```jsonl\n{"a": 1}\n{"a"\n```\n',
    "a language that nobody runs": "```bash\ntrue\n```\n",
    "a fence without a language": "```\ntrue\n```\n",
    "a quotation that its file does not hold": "<!-- from: quoted.py -->\n```python\nanswer = 43\n```\n",
    "a quotation that skips lines of its file": "<!-- from: quoted.py -->\n```python\ndef f():\n    if True:\n```\n",
    "a quotation of nothing": "<!-- from: quoted.py -->\n```python\n```\n",
    "a quotation from no file": "<!-- from: nothing.py -->\n```python\nanswer = 42\n```\n",
    "a fence that never ends": "```python\nassert True\n",
}


@pytest.fixture
def project(tmp_path: Path, repository: Path) -> Path:
    """Return a folder with the runner, and with the account of what did not run, but without documents."""
    (tmp_path / "docs" / "how-to").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    shutil.copy(repository / "docs" / "conftest.py", tmp_path / "docs")
    shutil.copy(repository / "tests" / "conftest.py", tmp_path / "tests")
    for folder in (tmp_path, tmp_path / "docs" / "how-to"):
        (folder / "quoted.py").write_text(QUOTED, encoding="utf-8")
    return tmp_path


def _run(project: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    places = [f"--rootdir={project}", "tests", "docs", "README.md"]
    return subprocess.run([*command, *places], cwd=project, check=False, capture_output=True, text=True)


def test_every_block_of_good_documents_runs(project: Path) -> None:
    """Blocks in README.md and in any folder of docs/ run, each document by itself; what cannot run is named last."""
    (project / "README.md").write_text(GOOD, encoding="utf-8")
    (project / "docs" / "how-to" / "do.md").write_text(GOOD, encoding="utf-8")
    run = _run(project)
    assert run.returncode == 0, run.stdout
    assert "18 passed, 4 skipped" in run.stdout
    tail = run.stdout.partition(" not run here ")[2]
    assert len(re.findall(r"README\.md.*: not-run: needs the real Google", tail)) == 1
    assert len(re.findall(r"do\.md.*: not-run: needs a-program-that-is-not-here, which is not here", tail)) == 1
    assert len(re.findall(r"do\.md.*: not-run: needs the real Google", tail)) == 1


def test_each_wrong_block_fails(project: Path) -> None:
    """A document that is wrong in one way fails, and only it."""
    (project / "README.md").write_text("No code.\n", encoding="utf-8")
    for number, text in enumerate(WRONG.values()):
        (project / "docs" / "how-to" / f"wrong-{number:02}.md").write_text(text, encoding="utf-8")
    (project / "docs" / "right.md").write_text("```python\nassert True\n```\n", encoding="utf-8")
    run = _run(project)
    failed = set(re.findall(r"^FAILED docs/how-to/wrong-(\d\d)\.md", run.stdout, re.MULTILINE))
    missed = [what for number, what in enumerate(WRONG) if f"{number:02}" not in failed]
    assert missed == [], run.stdout
    assert f"{len(WRONG)} failed, 1 passed" in run.stdout
