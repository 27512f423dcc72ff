"""Files that other programs read: templates of CI, the citation, the news, the reference."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ruamel.yaml import YAML

import ptycho_compare
from processes import ROOT

TEMPLATES = {
    "github.yml": "vendor.github-workflows",
    "gitlab.yml": "vendor.gitlab-ci",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def validated(schema: str, path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_keeps_its_schema(name: str) -> None:
    validated(TEMPLATES[name], ROOT / "docs" / "ci" / name)


def test_what_a_template_uses_is_pinned_and_bounded() -> None:
    (job,) = read_yaml(ROOT / "docs" / "ci" / "github.yml")["jobs"].values()
    assert all(re.search(r"@v\d+$", step["uses"]) for step in job["steps"] if "uses" in step)
    assert job["timeout-minutes"] == 60


def test_the_citation_is_of_this_version() -> None:
    told = read_yaml(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(told)
    assert told["version"] == ptycho_compare.__version__
    assert told["license"] == PROJECT["project"]["license"]
    assert [author["name"] for author in told["authors"]] == [
        author["name"] for author in PROJECT["project"]["authors"]
    ]


def test_news_are_of_the_kinds_that_are_collected() -> None:
    kinds = set(PROJECT["tool"]["towncrier"]["fragment"])
    names = [path.name for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert [name for name in names if not re.fullmatch(rf"\w+\.({'|'.join(kinds)})\.md", name)] == []
    assert "<!-- towncrier release notes start -->" in (ROOT / "CHANGELOG.md").read_text()
    assert f"## {ptycho_compare.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def writer(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["write_options", "write_reference"])
def test_what_is_written_from_the_code_is_what_the_code_says(name: str) -> None:
    script = writer(name)
    assert script.PAGE.read_text() == script.page(), f"run: python scripts/{name}.py"


def test_every_page_is_in_the_site() -> None:
    listed = re.findall(r"^([\w/]+)$", (ROOT / "docs" / "index.md").read_text(), re.MULTILINE)
    folder = ROOT / "docs"
    pages = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.md")}
    assert {page for page in pages if not page.startswith("_build")} == {*listed, "index"}
    assert len(listed) == len(set(listed))
