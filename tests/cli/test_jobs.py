"""`ptycho-hub status | watch | stop | resume | adopt`: what they say and do, to jobs that really run."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from forged import edit_table
from hubs import DOSE, SLOW_ROWS, SPLITS, light
from processes import PTYCHO_HUB, environment, marked, nobody_left, run, runs, until
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts
from ptycho_compare.jobs.claim import take_claim
from ptycho_compare.jobs.record import LaunchRecord, read_launch
from ptycho_compare.sigterm import EXIT_STOPPED
from sessions import (
    BASELINE,
    TEST,
    TRAIN,
    events,
    folder_of,
    gained,
    job_of,
    launches,
    made_quick,
    progress_of,
    ptycho_hub,
)

DEBUG = TRAIN.replace("full", "debug")


@pytest.fixture
def hub(slow_hub: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it; when the test ends, nobody works there."""
    with nobody_left(Path(shutil.copytree(slow_hub, tmp_path / "hub"))) as copy:
        yield copy


def command(hub: Path, *words: str) -> list[str]:
    return [*PTYCHO_HUB, *words, "--hub", str(hub)]


def started(hub: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(hub, *words),
        env=environment(hub),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that starts us in the background has us ignore Ctrl-C, and all we start with us
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def table(text: str) -> dict[str, dict[str, str]]:
    """The rows of `status` by comparison; each a cell by column."""
    head, *lines = text.splitlines()
    starts = [match.start() for match in re.finditer(r"\S+", head)]
    ends = [*starts[1:], None]
    rows = [[line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines]
    return {row[0]: dict(zip(head.split(), row, strict=True)) for row in rows}


def status(hub: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    capsys.readouterr()
    assert main(["status", "--hub", str(hub)]) == 0
    return table(capsys.readouterr().out)


def states(hub: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    return {name: row["state"] for name, row in status(hub, capsys).items()}


def launch_of(hub: Path, split: str = "train") -> LaunchRecord:
    launch = read_launch(job_of(hub, split))
    assert launch is not None
    return launch


def command_of(hub: Path) -> psutil.Process:
    """What computes the train split now; its supervisor is another process."""
    return psutil.Process(events(hub, "running")[-1]["pid"])


@dataclass
class Screen:
    """A command on a terminal that is wide enough."""

    process: subprocess.Popen[bytes]
    shown: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, hub: Path, *words: str) -> Screen:
        reader, writer = pty.openpty()
        process = subprocess.Popen(
            command(hub, *words),
            env=environment(hub, COLUMNS="200", TERM="xterm"),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(writer)
        screen = cls(process)
        threading.Thread(target=screen._read, args=(reader,), daemon=True).start()
        return screen

    def _read(self, terminal: int) -> None:
        with open(terminal, "rb", buffering=0) as stream:
            try:
                while data := stream.read(65536):
                    self.shown.append(data.decode(errors="replace"))
            except OSError:
                pass  # how a terminal says that nobody writes to it any more

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", "".join(self.shown))

    @property
    def newest(self) -> str:
        """The screen since the table was last drawn."""
        return self.text.rpartition("comparison")[2]


def test_the_life_of_a_job(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Begun, looked at, left alone, stopped, brought to its end."""
    assert set(states(hub, capsys).values()) == {"not begun"}

    done = ptycho_hub(hub, "resume", TRAIN, "--detach")
    assert done.returncode == 0, done.stderr
    launch = launch_of(hub)
    said = f"{TRAIN}: runs on {launch.host}, pid {launch.pid}; {job_of(hub).launch}; log {launch.log}\n"
    assert done.stdout == said
    gained(hub)
    frozen = command_of(hub)  # it cannot end while it is looked at, however slow this machine is
    frozen.suspend()

    found = status(hub, capsys)
    row = found.pop(TRAIN)
    assert (row["state"], row["attempts"], row["where"]) == (
        "running",
        "1",
        f"{launch.host} pid {launch.pid}",
    )
    # how long still is not known before both networks have worked
    assert re.fullmatch(rf"\d+/{SLOW_ROWS} patches(, about .* left)?", row["progress"])
    assert re.fullmatch(r"\d+ (s|min)", row["since"])
    assert {each["state"] for each in found.values()} == {"not begun"}

    # whoever comes second looks on for as long as there is time, or not at all; it runs on
    for more in (["--window", "1s"], ["--detach"]):
        second = ptycho_hub(hub, "resume", *more)
        assert (second.returncode, second.stdout) == (EXIT_STOPPED, said), second.stderr
    assert main(["adopt", str(hub), TRAIN, "--hub", str(hub)]) == 2
    assert f"(pid {launch.pid}) works on it; wait for it, or stop it" in capsys.readouterr().err
    assert runs(launch.pid)

    screen = Screen.of(hub, "watch")
    until(lambda: re.search(rf"{TRAIN} +running +\d+/{SLOW_ROWS} patches", screen.newest))
    frozen.resume()
    assert main(["stop", "--hub", str(hub)]) == 0
    assert re.fullmatch(rf"{TRAIN}: stopped, \d+/{SLOW_ROWS} patches.*\n", capsys.readouterr().out)
    assert screen.process.wait() == 0
    until(lambda: re.search(rf"{TRAIN} +stopped", screen.newest), screen.text)

    saved = progress_of(hub).saved
    assert saved > 0
    row = status(hub, capsys)[TRAIN]
    assert (row["state"], row["progress"], row["where"]) == ("stopped", f"{saved}/{SLOW_ROWS} patches", "")
    assert main(["stop", "--hub", str(hub)]) == 0
    assert capsys.readouterr().out == "nothing runs\n"

    made_quick(hub)
    done = ptycho_hub(hub, "resume")
    assert (done.returncode, done.stdout) == (0, f"{TRAIN}: green, {folder_of(hub)}\n"), done.stderr
    assert sum(start for start, _ in events(hub, "planned")[-1]["parts"].values()) == saved
    assert launches(hub) == {"train-full": 2}
    row = status(hub, capsys)[TRAIN]
    assert (row["state"], row["progress"], row["left"], row["attempts"]) == ("finished", "", "", "2")
    assert main(["resume", TRAIN, "--hub", str(hub)]) == 0
    assert capsys.readouterr().out == done.stdout
    assert launches(hub) == {"train-full": 2}


def test_several_jobs_and_their_slots(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One runs at a time unless more are allowed; one is stopped by name; one is killed."""
    done = ptycho_hub(hub, "resume", TRAIN, TEST, "--detach")
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [TRAIN, TEST]
    until(lambda: events(hub, "running"))
    frozen = command_of(hub)  # as above
    frozen.suspend()
    until(lambda: events(hub, "waiting", "test"))
    row = status(hub, capsys)[TEST]
    assert (row["state"], row["progress"]) == ("running", "waits")
    assert main(["stop", TEST, "--hub", str(hub)]) == 0
    assert capsys.readouterr().out == f"{TEST}: stopped, waits\n"
    assert [states(hub, capsys)[name] for name in (TRAIN, TEST)] == ["running", "stopped"]

    done = ptycho_hub(hub, "resume", TEST, "--detach", "--slots", "2", "--deadline", "1h30m")
    assert done.returncode == 0, done.stderr
    until(lambda: events(hub, "running", "test"))
    frozen.resume()
    assert main(["stop", TRAIN, "--hub", str(hub)]) == 0
    assert [states(hub, capsys)[name] for name in (TRAIN, TEST)] == ["stopped", "running"]

    os.kill(launch_of(hub, "test").pid, signal.SIGKILL)
    until(lambda: not marked(hub))
    assert states(hub, capsys)[TEST] == "died"
    assert main(["stop", TEST, "--hub", str(hub)]) == 0
    assert capsys.readouterr().out == "nothing runs\n"


def test_a_window_ends_with_the_work_saved(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """This one is over before the first patch, on whatever machine."""
    done = ptycho_hub(hub, "resume", TRAIN, "--window", "2s")
    assert done.returncode == EXIT_STOPPED, done.stdout
    assert re.fullmatch(rf"{TRAIN}: stopped, .*; the same command goes on\n", done.stdout)
    assert states(hub, capsys)[TRAIN] == "stopped"
    assert marked(hub) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_ends_what_was_begun_with_the_work_saved(hub: Path, number: signal.Signals) -> None:
    process = started(hub, "resume", TRAIN, TEST)
    gained(hub)
    process.send_signal(number)
    output, said = process.communicate()
    assert process.returncode == EXIT_STOPPED, said
    assert "Traceback" not in said
    stopped, other = output.splitlines()
    assert re.fullmatch(rf"{TRAIN}: stopped, \d+/{SLOW_ROWS} patches.*; the same command goes on", stopped)
    assert other == f"{TEST}: not started: {number.name}; the same command goes on"
    assert launches(hub) == {"train-full": 1}
    progress = progress_of(hub)
    assert 0 < progress.saved == progress.done
    assert marked(hub) == []


def test_what_is_free_comes_before_what_somebody_works_at(quick_hub: Path, tmp_path: Path) -> None:
    """And that is joined at the end."""
    hub = light(Path(shutil.copytree(quick_hub, tmp_path / "quick")))
    train, test = (f"dose_{DOSE}-dense-{split}-debug" for split in SPLITS)
    claim, _ = take_claim(job_of(hub, "train", "debug").claim)
    with ThreadPoolExecutor(1) as pool:
        resumed = pool.submit(run, command(hub, "resume", train, test), hub)
        until(job_of(hub, "test", "debug").done.exists, "it waits for the first")
        claim.release()
        done = resumed.result()
    assert done.returncode == 0, done.stdout
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [test, train]


def test_a_command_that_is_killed_is_not_green(hub: Path) -> None:
    """As when the machine runs out of memory: it says nothing itself."""
    process = started(hub, "resume", TRAIN)
    (event,) = until(lambda: events(hub, "running"))
    os.kill(event["pid"], signal.SIGKILL)
    output, said = process.communicate()
    assert process.returncode == 1, said
    assert re.match(
        rf"{TRAIN}: failed: ended by SIGKILL; the next run goes on from the last checkpoint: .*\n", output
    )
    assert output.splitlines()[-1] == f"{TRAIN}: not green, {folder_of(hub)}"


def test_what_cannot_be_computed_is_red(hub: Path) -> None:
    (hub / BASELINE).unlink()
    done = ptycho_hub(hub, "resume", TRAIN)
    assert done.returncode == 1, done.stderr
    first, last = done.stdout.splitlines()
    assert re.match(rf"{TRAIN}: input: exit status 2: ptycho-hub: error: .*baseline/gs1", first)
    assert last == f"{TRAIN}: not green, {folder_of(hub)}"


def test_watching_ends_by_ctrl_c_and_with_nothing_to_watch(small_hub: Path, own_hub: Path) -> None:
    assert ptycho_hub(small_hub, "watch").stdout == ptycho_hub(small_hub, "status").stdout
    screen = Screen.of(small_hub, "watch")
    assert screen.process.wait() == 0
    until(lambda: screen.newest.count("not begun") == 4, screen.text)

    take_claim(job_of(own_hub).claim)  # by this process, which works on
    screen = Screen.of(own_hub, "watch")
    until(lambda: f"pid {os.getpid()}" in screen.newest)
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait() == 0
    assert "Traceback" not in screen.text


def test_a_job_that_has_only_just_begun(own_hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A moment lies between the claim and the first line of the log."""
    take_claim(job_of(own_hub).claim)
    row = status(own_hub, capsys)[TRAIN]
    assert (row["state"], row["progress"], row["since"], row["attempts"]) == ("running", "waits", "", "")
    assert row["where"].endswith(f" pid {os.getpid()}")


def test_what_is_wrong_is_one_line(own_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = tmp_path / "without"
    (without / "data").mkdir(parents=True)
    for words, message in (
        (["resume"], f"{own_hub}: no job was begun here; name the comparisons to begin with"),
        (["resume", "dose_7-dense-train-full"], f"dose_7-dense-train-full: no comparison of .* {TRAIN}"),
        (["resume", TRAIN, "none"], "none: no comparison of this study"),
        (["stop", "none"], "none: no comparison of this study"),
        (["adopt", str(tmp_path), "none"], "none: no comparison of this study"),
        (["adopt", str(tmp_path / "nowhere"), TRAIN], "nowhere: there is no such folder"),
        (
            ["status", "--hub", str(without)],
            r"without/study\.toml: there is no such file; name .* by --study",
        ),
        (["status", "--study", str(tmp_path / "none.toml")], r"none\.toml: cannot be read"),
    ):
        assert main([words[0], "--hub", str(own_hub), *words[1:]]) == 2
        output, error = capsys.readouterr()
        assert re.match(rf"ptycho-hub: error: .*{message}", error), error
        assert (output, error.count("\n")) == ("", 1)
    assert launches(own_hub) == {}


def test_results_that_do_not_hold_are_one_line(own_hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(own_hub), TRAIN, "--hub", str(own_hub)]) == 1
    output, error = capsys.readouterr()
    assert re.match(r"ptycho-hub: error: .*manifest\.json: No such file or directory: .* not complete", error)
    assert (output, error.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--window", "0"], "argument --window: '0' is no duration; write 540, 9m or 1h30m"),
        (["--window", "1h30"], "argument --window: '1h30' is no duration"),
        (["--window", "-5"], "argument --window: "),
        (["--deadline", "soon"], "argument --deadline: 'soon' is no duration"),
        (["--slots", "0"], "argument --slots: 0; needed: at least 1"),
        (["--slots", "many"], "argument --slots: "),
    ],
)
def test_times_and_slots_that_are_none(
    small_hub: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["resume", TRAIN, *words, "--hub", str(small_hub)])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("undrawn")
class TestAdopt:
    @pytest.fixture
    def quick(self, quick_hub: Path, tmp_path: Path) -> Path:
        """A copy of the hub without networks: nothing is computed again."""
        return Path(shutil.copytree(quick_hub, tmp_path / "quick"))

    def test_another_hub(self, compared_hub: Path, own_hub: Path) -> None:
        done = ptycho_hub(own_hub, "adopt", str(compared_hub), DEBUG)
        assert done.returncode == 0, done.stderr
        folder = folder_of(own_hub, "train", "debug")
        assert re.fullmatch(
            rf"{DEBUG}: adopted from {folder_of(compared_hub, 'train', 'debug')}; 6 pieces computed again, "
            rf"largest deviation \S+; {folder}/adoption\.json\n",
            done.stdout,
        )
        assert Artifacts(folder).manifest.exists()

    def test_a_folder(
        self, quick_compared_hub: Path, quick: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = folder_of(quick_compared_hub, "test", "debug")
        name = DEBUG.replace("train", "test")
        assert main(["adopt", str(folder), name, "--hub", str(quick)]) == 0
        said = capsys.readouterr().out
        assert said.startswith(
            f"{name}: adopted from {folder}; 0 pieces computed again, largest deviation 0; "
        )
        assert states(quick, capsys)[name] == "finished"

    def test_what_does_not_hold(self, quick_compared_hub: Path, quick: Path, tmp_path: Path) -> None:
        theirs = Path(shutil.copytree(folder_of(quick_compared_hub, "train", "debug"), tmp_path / "theirs"))
        edit_table(theirs, lambda line: line.replace("ok", "OK"), recorded=False)
        done = ptycho_hub(quick, "adopt", str(theirs), DEBUG)
        assert (done.returncode, done.stdout) == (1, "")
        reason = (
            f"{theirs}: changed: {theirs}/comparison_metrics.csv: differs from the digest in the manifest; "
            "run the comparison again"
        )
        assert done.stderr == f"ptycho-hub: error: {reason}\n"
        for split in SPLITS:
            assert not Artifacts(folder_of(quick, split, "debug")).manifest.exists()
