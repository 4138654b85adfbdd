"""The engine: any stage, from its tasks to stored results; it resumes, fails per unit, shows progress and the rate."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from db import interruption
from db.errors import UserError
from db.records.written import FinishedUnit, Record
from precompute.context import RunContext, worker_count
from precompute.executors import FixedState, Job, Outcome, Setup, Work, executor
from precompute.progress import Throughput, progress_bar, say
from precompute.recipe import settings_hash

MAX_IDENTICAL_FAILURES = 3
"""After so many jobs that all fail for the same reason before any is done, the stage stops."""
INPUT_CHANGED = "input changed"
"""The mark of a unit that failed since a file was not what was ingested; it fits nothing: the unit is tried again."""


@dataclass(frozen=True)
class Task:
    """One unit of work: what gets a 'done' mark.

    Attributes:
        key: its name within the stage, e.g. `<model>|<sample>`.
        depends_on: what its results are made from beside the stage's settings, as a JSON value: hashes of pictures,
            entries and checkpoints, fingerprints of other units.
        payload: what the stage's work gets.
        model: name of the model that its results are deleted with.
        sample: path of the sample that its results are deleted with.
        size: how much it counts in the progress bar.
        wanted: False = results that are there are kept while they are valid, but none are made.
        mark: its fingerprint before the stage's version is taken in, where databases of older versions define it.
            It takes the place of the stage's name and settings and of `depends_on`: none of these is in the fingerprint
            then, so it must itself be a hash of every setting and input that the results depend on. A new stage gives
            `depends_on` instead.
    """

    key: str
    depends_on: Any = None
    payload: Any = None
    model: str | None = None
    sample: str | None = None
    size: int = 1
    wanted: bool = True
    mark: str | None = None


Failures = Sequence[tuple[Task, Outcome]]
"""Tasks that failed, with the outcome of one of their jobs."""


@dataclass(frozen=True)
class Failed:
    """An answer for one task of a job that cannot be computed, and why."""

    reason: str


class ByKey(dict[str, Any]):
    """A job's answers by the keys of its tasks, where it serves several."""


def one_each(_: RunContext, tasks: Sequence[Task]) -> Iterator[Job]:
    """A job a task, in the order of the tasks."""
    return (Job((task.key,), task.payload) for task in tasks)


def grouped(tasks: Sequence[Task], by: Callable[[Task], Hashable]) -> Iterator[list[Task]]:
    """Tasks that share work, in the order in which their groups first come."""
    groups: dict[Hashable, list[Task]] = defaultdict(list)
    for task in tasks:
        groups[by(task)].append(task)
    return iter(groups.values())


def keys_by_model(tasks: Sequence[Task]) -> dict[str, str]:
    """The tasks' keys by the names of their models."""
    return {task.model: task.key for task in tasks if task.model is not None}


@dataclass(frozen=True)
class Stage:
    """What is computed, from what, and how; the engine does the rest.

    Attributes:
        name: in marks, messages and on the command line.
        settings: JSON values that its results depend on.
        inputs: stages whose results its own are made from; when those are deleted, these are deleted, too.
        tasks: lists all tasks, finished ones too, and what each depends on.
        work: computes a job: a pure function of (worker state, payload), without a database; for several tasks it
            answers with a `ByKey` of results, or of `Failed` for one that has none.
        rows: the records of a finished task, from the answers to all jobs that name its key, in the order of jobs.
        jobs: groups pending tasks into calls of `work`; one may serve several tasks, a task may need several.
        setup: makes the worker state from the context and the pending tasks.
        version: of the formula; raised when the same input gives other results.
        counted: what the progress bar counts.
        in_process: whether it must run in this process, on all of its threads.
        after: runs when all is stored, e.g. to sum results up.
        load: adds to a job what is stored and too large to hold for all jobs at a time, just before it is done.
        throughput: makes what measures the speed from answers.
    """

    name: str
    settings: Any
    inputs: tuple[str, ...]
    tasks: Callable[[RunContext], Iterable[Task]]
    work: Work
    rows: Callable[[Task, Sequence[Any]], Sequence[Record]]
    jobs: Callable[[RunContext, Sequence[Task]], Iterable[Job]] = one_each
    setup: Callable[[RunContext, Sequence[Task]], Setup] = lambda context, tasks: FixedState()
    version: int = 1
    counted: str = "unit"
    in_process: bool = False
    after: Callable[[RunContext], None] | None = None
    load: Callable[[RunContext, Job], Job] = lambda context, job: job
    throughput: Callable[[], Throughput] | None = None

    def fingerprint(self, task: Task) -> str:
        """What a done mark must hold to be valid: the hash of all that the task's results are made from."""
        if task.mark is None:
            return settings_hash(self.name, self.version, self.settings, task.depends_on)
        return task.mark if self.version == 1 else settings_hash(task.mark, self.version)


@dataclass
class Report:
    """How many tasks there were, were finished before, were done now, and failed (now or before)."""

    tasks: int = 0
    kept: int = 0
    done: int = 0
    failed: int = 0
    seconds: float = 0.0


def run_stage(context: RunContext, stage: Stage) -> Report:
    """Bring a stage's results up to date.

    The pending tasks are done; each task's records and its mark are stored in one transaction. Results of tasks whose
    inputs or settings have changed, or that no longer exist, are removed with all that was made from them, before the
    first new ones are stored: the two are never mixed, and a stage that cannot run removes nothing.

    Raises:
        UserError: the stage cannot run at all, or its first jobs all fail for the same reason.
    """
    tasks = list(stage.tasks(context))
    marks = {task.key: stage.fingerprint(task) for task in tasks}
    stored = context.writer.marks(stage.name)
    finished, failed = stored.finished, {} if context.options.retry_failed else stored.failed
    wanted = [task for task in tasks if task.wanted]
    pending = [task for task in wanted if marks[task.key] not in (finished.get(task.key), failed.get(task.key))]
    report = Report(len(wanted), failed=sum(failed.get(task.key) == marks[task.key] for task in wanted))
    report.kept = len(wanted) - len(pending) - report.failed
    work = _Pending(context, stage, marks, report, {task.key: task for task in pending})
    if pending:
        _announce(stage, report, len(pending))
        work.do()
    work.prune()
    if stage.after is not None:
        stage.after(context)
    return report


def _announce(stage: Stage, report: Report, pending: int) -> None:
    before = f"; {report.failed} failed before (--retry-failed tries again)" if report.failed else ""
    say(f"{stage.name}: {pending} to do, {report.kept} stored{before}")


@dataclass
class _Pending:
    """The pending tasks of one stage by key, and their outcomes so far.

    Attributes:
        parts: outcomes of tasks that wait for more of them, by key and the job's index.
        identical_failures: failures by job, put off while nothing but one and the same failure came; None once
            something else did.
    """

    context: RunContext
    stage: Stage
    marks: Mapping[str, str]
    report: Report
    tasks: Mapping[str, Task]
    parts: dict[str, dict[int, Outcome]] = field(default_factory=lambda: defaultdict(dict))
    identical_failures: list[Failures] | None = None
    pruned: bool = False

    def do(self) -> None:
        """Do all of them.

        Raises:
            UserError: as `run_stage`.
        """
        stage, started, pending = self.stage, time.perf_counter(), list(self.tasks.values())
        jobs = [replace(job, index=index) for index, job in enumerate(stage.jobs(self.context, pending))]
        needed = Counter(key for job in jobs for key in job.keys)
        count = 1 if stage.in_process else min(worker_count(self.context.options), len(jobs))
        loaded = (stage.load(self.context, job) for job in jobs)
        self.identical_failures = [] if self.report.kept == 0 else None
        throughput = stage.throughput() if stage.throughput else None
        total, finished = sum(task.size for task in pending), 0.0
        with (
            progress_bar(stage.name, stage.counted) as show,
            closing(executor(count).run(stage.setup(self.context, pending), stage.work, loaded)) as outcomes,
        ):
            show(0, total)
            for job, outcome in outcomes:
                if outcome.fatal:
                    raise UserError(outcome.error)
                self._store(self._complete(job, outcome, needed))
                if throughput is not None and outcome.error is None:
                    throughput.add(outcome.answer)
                finished += sum(self.tasks[key].size / needed[key] for key in job.keys)
                show(round(finished), total, str(throughput or ""))
        self._fail([one for of_job in self.identical_failures or () for one in of_job])
        self.report.seconds = time.perf_counter() - started
        if throughput is not None:
            say(f"{stage.name}: {throughput}")

    def _complete(self, job: Job, outcome: Outcome, needed: Mapping[str, int]) -> Iterator[tuple[Task, list[Outcome]]]:
        """The tasks that this was the last job of, with all their outcomes in the order of the jobs."""
        for key in job.keys:
            self.parts[key][job.index] = _part(outcome, key, len(job.keys))
            if len(self.parts[key]) == needed[key]:
                yield self.tasks[key], [one for _, one in sorted(self.parts.pop(key).items())]

    def _store(self, complete: Iterable[tuple[Task, Sequence[Outcome]]]) -> None:
        """Store complete tasks, and note those that failed."""
        units: list[FinishedUnit] = []
        failures: list[tuple[Task, Outcome]] = []
        for task, outcomes in complete:
            failure = next((one for one in outcomes if one.error is not None), None)
            if failure is None:
                units.append(self._finished(task, outcomes))
            else:
                failures.append((task, failure))
        if units:
            self.prune()
            with interruption.deferred():
                self.context.writer.store(units)
            self.report.done += len(units)
        if self.identical_failures is not None:
            by_job = [*self.identical_failures, failures] if failures else self.identical_failures
            failures = [one for of_job in by_job for one in of_job]
            reasons = {outcome.error for _, outcome in failures}
            foreseen = any(isinstance(outcome.answer, Failed) for _, outcome in failures)
            if not units and not foreseen and len(reasons) <= 1:
                if len(by_job) >= MAX_IDENTICAL_FAILURES:
                    first = f"the first {len(by_job)} jobs all failed with: {next(iter(reasons))}"
                    raise UserError(f"{self.stage.name}: aborted: {first}")
                self.identical_failures = by_job
                return
            self.identical_failures = None
        self._fail(failures)

    def _finished(self, task: Task, outcomes: Sequence[Outcome]) -> FinishedUnit:
        return FinishedUnit(
            self.stage.name,
            self.marks[task.key],
            task.key,
            self.stage.rows(task, [one.answer for one in outcomes]),
            task.model,
            task.sample,
            sum(one.seconds for one in outcomes),
            settings=settings_hash(self.stage.settings),
        )

    def _fail(self, failures: Failures) -> None:
        if failures:
            self.prune()
        for task, outcome in failures:
            mark = INPUT_CHANGED if outcome.input_changed else self.marks[task.key]
            unit = FinishedUnit(self.stage.name, mark, task.key, (), task.model, task.sample, outcome.seconds)
            with interruption.deferred():
                self.context.writer.fail(unit, outcome.error or "")
        self.report.failed += len(failures)

    def prune(self) -> None:
        """Remove, once, what is not up to date."""
        if not self.pruned:
            with interruption.deferred():
                self.context.writer.prune(self.stage.name, {(mark, key) for key, mark in self.marks.items()})
            self.pruned = True


def _part(outcome: Outcome, key: str, keys: int) -> Outcome:
    """The part of a job's outcome that belongs to one of its tasks."""
    answer = outcome.answer[key] if isinstance(outcome.answer, ByKey) else outcome.answer
    error = answer.reason if isinstance(answer, Failed) else outcome.error
    return replace(outcome, answer=answer, error=error, seconds=outcome.seconds / keys)
