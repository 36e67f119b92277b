"""``kongip diagnose`` for several contexts: the command of each, all of them side by side, and one report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from diagnose.cluster.api import choose_contexts
from diagnose.commands import inspect, output, place
from diagnose.errors import USAGE, Stop
from diagnose.fleet import document
from diagnose.fleet.children import Children
from diagnose.fleet.outcome import Outcome, worst
from diagnose.limit import CLEAN_UP
from diagnose.report import fleet_formats, metrics
from diagnose.report.formats import line
from diagnose.report.harmless import harmless
from diagnose.report.progress import progress_of_several

OF_ONE = {"save": "--save", "url": "--url", "capture": "--capture", "verbose": "--verbose", "timings": "--timings"}
"""What goes with one context alone, by the name of its option."""

PATIENCE = 30.0
"""Seconds that a run is given beyond its own limit, at which it ends itself."""


def run_all(options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Diagnose, or inspect, each context that the flags name, and tell of all of them together."""
    further = _further(argv[1:])
    command = "inspect" if options.all_contexts and not options.yes else "diagnose"
    _check(options, command, further)
    contexts = choose_contexts(options.contexts, options.kubeconfig)
    commands = {name: [command, f"--context={name}", "--output=json", *further] for name in contexts}
    ended: dict[str, Outcome] = {}
    notes: list[str] = []

    def note(context: str, told: str) -> None:
        notes.append(f"{context}: {told}")

    def take(outcome: Outcome) -> None:
        if options.redact and outcome.problem is not None:
            note(outcome.context, outcome.problem)
        told = _redacted(outcome, contexts.index(outcome.context) + 1) if options.redact else outcome
        ended[outcome.context] = told
        if options.output == "jsonl":
            with output.reader_may_leave():
                output.print_text(line(document.line(told)), "jsonl")

    quiet = options.quiet or (options.output == "jsonl" and sys.stdout.isatty())  # which would write over each other
    try:
        with progress_of_several(sys.stderr, len(contexts), quiet=quiet) as tell:
            Children(tell, note, options.timeout + CLEAN_UP + PATIENCE).run(commands, take)
    finally:
        sys.stderr.write("".join(f"kongip: {harmless(one)}\n" for one in notes))
    return _finish([ended[name] for name in contexts], options)


def _further(argv: Sequence[str]) -> list[str]:
    """The words that every context's own command has, too: all but what is for the whole."""
    whole = argparse.ArgumentParser(add_help=False)
    for flag in ("--context", "--output", "--output-file", "--metrics-file"):
        whole.add_argument(flag, action="append")
    for flag in ("--all-contexts", "--yes"):
        whole.add_argument(flag, action="store_true")
    return whole.parse_known_args(argv)[1]


def _check(options: argparse.Namespace, command: str, further: Sequence[str]) -> None:
    """Stop with status 2 where the flags do not go with several contexts."""
    stray = next((flag for name, flag in OF_ONE.items() if getattr(options, name)), None)
    if stray is not None:
        raise Stop(f"{stray} goes with one context alone.", "Leave it out, or name one --context.", USAGE)
    if options.yes and not options.all_contexts:
        raise Stop("--yes goes with --all-contexts.", "Contexts that are named are diagnosed without.", USAGE)
    if command == "inspect":
        _check_inspection(further)
    asked = [options.output, *(form for form, _ in options.output_file)]
    if alone := next((form for form in asked if form not in fleet_formats.FORMATS), None):
        known = ", ".join(fleet_formats.FORMATS)
        raise Stop(f"A report of several contexts cannot be {alone}.", f"It may be one of {known}.", USAGE)
    options.context = "several"
    place.check(options)
    if options.metrics_file is not None:
        metrics.check(options.metrics_file)


def _check_inspection(further: Sequence[str]) -> None:
    """Stop where flags are for probes, and none are to be sent."""
    known = argparse.ArgumentParser(add_help=False)
    inspect.add_flags(known)
    _, stray = known.parse_known_args(["--context=a", *further])
    if stray:
        told = f"{stray[0].partition('=')[0]} does not go with --all-contexts without --yes, which only inspects."
        raise Stop(told, "Leave it out, or add --yes to deploy and send probes in each.", USAGE)


def _redacted(outcome: Outcome, number: int) -> Outcome:
    """The outcome of the ``number``-th context without its name. Why it could not run may name anything: left out."""
    from diagnose.redact.redact import of_context

    report = of_context(outcome.report, number) if outcome.report is not None else None
    problem = "why is on standard error" if outcome.problem is not None else None
    return replace(outcome, context=f"context-{number}", report=report, problem=problem)


def _finish(outcomes: Sequence[Outcome], options: argparse.Namespace) -> int:
    """Write metrics, files and standard output as the flags ask for them; the exit status of all."""
    if options.metrics_file is not None:
        metrics.write(outcomes, options.metrics_file)
    for form, path in options.output_file:
        output.write_file(fleet_formats.render(outcomes, form), path)
    with output.reader_may_leave():
        if options.output == "text":
            from diagnose.report.fleet import show

            show(outcomes, sys.stdout)
        elif options.output != "jsonl":  # whose lines are there already
            output.print_text(fleet_formats.render(outcomes, options.output), options.output)
    return worst(outcomes)
