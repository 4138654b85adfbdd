"""The kinds of faults: what is done to the job, and what must come of it at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping

from db.interruption import GOES_ON
from tests.benchmarks.faults import truth
from tests.benchmarks.faults.campaign import Campaign, least
from tests.benchmarks.faults.ground import damage
from tests.benchmarks.faults.job import FaultError, Running

BAD_INPUT = 2
OTHER = "another run is at work on it"
WAITS = "waiting for another run"
TAKES_OVER = "ended without a word; going on"


def kill(campaign: Campaign, passing: bool = False) -> None:
    """SIGKILL of the command and its workers at once."""

    def hit(running: Running) -> None:
        running.kill()
        campaign.tally.sigkills += running.end() == -signal.SIGKILL

    campaign.strike(hit, campaign.workers(1, 1, 1, 2), passing=passing)


def kill_worker(campaign: Campaign) -> None:
    """SIGKILL of a worker alone, or of two: the job goes on without a word."""

    def hit(running: Running) -> None:
        for pid in campaign.random.sample(workers := running.workers(), campaign.random.randint(1, len(workers))):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            campaign.tally.sigkills += 1
        campaign.end_or_kill(running)

    campaign.strike(hit, workers=2, ready=lambda running: bool(running.workers()))


def interrupt(number: signal.Signals, passing: bool = False) -> Callable[[Campaign], None]:
    """A signal that the job obeys in an orderly way."""

    def fault(campaign: Campaign) -> None:
        whole = campaign.random.random() < 0.5  # as a terminal does, or as `kill` does
        left_in_wal, position = truth.in_wal_mode(campaign.place.url), campaign.position

        def hit(running: Running) -> None:
            running.kill(number, whole)
            code = running.end()
            if code == 0:  # it came when all was done
                campaign.step(f"{running.name} had ended")
                campaign.position += 1
                return
            running.demand(code, 128 + number)
            if (lines := sum(GOES_ON in line for line in running.said())) != 1:
                raise FaultError(f"{running.name}: {lines} lines say that it goes on; {running.log}: {running.tail()}")
            # A file that an earlier kill left is made plain by the first command that opens it for writing.
            if not left_in_wal or campaign.position > position or any(" to do, " in line for line in running.said()):
                truth.demand_plain_file(campaign.place.url)

        campaign.step(f"{number.name} to {'the group' if whole else 'the command'}")
        campaign.strike(hit, campaign.workers(1, 2), lambda running: running.obeys_signals(), passing)

    return fault


def moved_folder(campaign: Campaign) -> None:
    """A class is away while the job runs and is killed or interrupted."""
    with campaign.ground.moved_folder() as told:
        campaign.change(told)
        _any_end(campaign, passing=True)
    campaign.change("moved back")


def edited_picture(campaign: Campaign) -> None:
    """A picture is another one while the job runs and is killed or interrupted."""
    with campaign.ground.edited_picture() as told:
        campaign.change(told)
        _any_end(campaign, passing=True)
    campaign.change("restored")


def edit(campaign: Campaign) -> None:
    """An input is another one from now on, and the job is killed."""
    ground = campaign.ground
    change = campaign.random.choice(
        [ground.edit_picture, ground.edit_picture, ground.edit_metadata, ground.edit_metadata, ground.edit_mask,
         ground.touch]
    )  # fmt: skip
    campaign.change(change())
    _any_end(campaign)


def damaged_checkpoint(campaign: Campaign) -> None:
    """A checkpoint is spoilt, and the job is killed; sometimes the measured runtimes are spoilt too."""
    found = least(campaign.place.artifacts)
    if found:
        chosen = campaign.random.choice(found)
        campaign.change(damage(chosen, [one for one in found if one != chosen], campaign.random))
    else:
        campaign.step("no checkpoint to damage yet")
    _any_end(campaign)


def damaged_runtimes(campaign: Campaign) -> None:
    """What was measured of the machine is no longer JSON."""
    campaign.place.artifacts.mkdir(parents=True, exist_ok=True)
    (campaign.place.artifacts / "runtimes.json").write_bytes(campaign.random.randbytes(50))
    campaign.change("runtimes.json made garbage")
    _any_end(campaign)


def two_runs(campaign: Campaign) -> None:
    """A second run is refused in one line, or waits and then goes on, whatever became of the first."""

    def refuse(first: Running) -> None:
        second = campaign.place.start(first.name)
        code = second.end()
        if code == BAD_INPUT:
            _demand_line(second, OTHER)
            campaign.end_or_kill(first, 0.2)
        elif not first.alive and first.end() == BAD_INPUT:  # the second was faster
            _demand_line(first, OTHER)
        else:
            second.demand(code, 0, 3)
            first.demand(first.end(), 0, 3)

    def wait(first: Running) -> None:
        second = campaign.place.start(first.name, 1, "--wait")
        _until(second, lambda: any(WAITS in line for line in second.said()) or not first.alive)
        time.sleep(campaign.random.uniform(0, 1))
        number = campaign.random.choice([signal.SIGKILL, signal.SIGTERM, None])
        if number is not None:
            first.kill(number)
            campaign.step(f"the first gets {number.name}")
        code = first.end()
        campaign.tally.sigkills += code == -signal.SIGKILL
        if code == BAD_INPUT:  # the second was faster
            _demand_line(first, OTHER)
        elif number == signal.SIGTERM:
            first.demand(code, 128 + number, -number, 0)  # -15: before it handles signals
        elif number is None:
            first.demand(code, 0, 3)
        elif any(WAITS in line for line in second.said()) and code == -signal.SIGKILL:
            _until(second, lambda: any(TAKES_OVER in line for line in second.said()))
        campaign.end_or_kill(second)

    waits = campaign.random.random() < 0.5
    campaign.step("a second run with --wait" if waits else "a second run")
    campaign.strike(wait if waits else refuse)


def full_disk(campaign: Campaign) -> None:
    """The disk is full from a random instant on: one line, and the job goes on when there is room again."""
    disk = campaign.disk
    assert disk is not None

    def hit(running: Running) -> None:
        room = campaign.random.choice([0, 0, 8192, 65536, 300000])
        disk.fill(room)
        code = running.end()
        campaign.step(f"disk filled but for {room} bytes: exit code {code}, {running.tail(1)}")
        running.demand(code, BAD_INPUT, 0, 3)
        if code == BAD_INPUT:
            _demand_line(running, "full", "No space left", "disk I/O error")
        else:
            campaign.position += 1

    try:
        campaign.strike(hit, campaign.workers(1, 2))
    finally:
        disk.clear()


def _any_end(campaign: Campaign, passing: bool = False) -> None:
    """The job is started and killed or interrupted."""
    number = campaign.random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
    if number == signal.SIGKILL:
        kill(campaign, passing)
    else:
        interrupt(number, passing)(campaign)


def _demand_line(running: Running, *words: str) -> None:
    """Exactly one complaint, with one of these words."""
    lines = [line for line in running.said() if line.startswith("precompute: ")]
    if len(lines) != 1 or not any(word in lines[0] for word in words):
        raise FaultError(f"{running.name}: expected one line with {words}; {running.log}: {running.tail()}")


def _until(running: Running, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds() and running.alive:
        if time.monotonic() > deadline:
            raise FaultError(f"{running.name}: waits in vain; {running.tail()}")
        time.sleep(0.02)


KINDS: Mapping[str, tuple[int, Callable[[Campaign], None]]] = {
    "kill": (56, kill),
    "kill a worker": (8, kill_worker),
    "SIGINT": (5, interrupt(signal.SIGINT)),
    "SIGTERM": (5, interrupt(signal.SIGTERM)),
    "folder away for a while": (4, moved_folder),
    "picture edited for a while": (4, edited_picture),
    "input edited": (5, edit),
    "checkpoint damaged": (5, damaged_checkpoint),
    "runtimes.json damaged": (1, damaged_runtimes),
    "two runs": (4, two_runs),
    "full disk": (3, full_disk),
}
"""By name: how often of a hundred, and what is done."""
