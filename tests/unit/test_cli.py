"""The command line is a promise: a verb or an option that goes away breaks somebody's script."""

import argparse

import pytest

from vatt_harmony import cli
from vatt_harmony.errors import UserError

SURFACE = {
    "demo": ["--out", "--seed", "--steps", "--clips", "--json"],
    "shards build": [
        "--manifest",
        "--out",
        "--workers",
        "--samples-per-shard",
        "--reencode",
        "--short-side",
        "--fps",
        "--seed",
        "--hold-out",
        "--clip-seconds",
        "--exclude",
        "--json",
    ],
    "shards verify": ["SOURCE", "--workers", "--json", "--max-bad"],
    "shards stats": ["SOURCE", "--workers", "--json"],
    "shards show": ["SOURCE", "--out", "--samples", "--seed"],
    "pretrain": ["CONFIG", "--run", "--init"],
    "finetune": ["CONFIG", "--run", "--seeds", "--compare", "--json"],
    "export": ["RUN", "OUT"],
    "evaluate retrieval": [
        "MODEL",
        "DATA",
        "--windows",
        "--batch",
        "--limit",
        "--candidates",
        "--workers",
        "--shuffle-frames",
        "--protocol",
        "--annotations",
        "--videos",
        "--input",
        "--missing",
        "--device",
        "--json",
    ],
    "evaluate probe": [
        "MODEL",
        "SET",
        "--root",
        "--label",
        "--multilabel",
        "--folds",
        "--test",
        "--windows",
        "--cache",
        "--modality",
        "--classifier",
        "--feature",
        "--seed",
        "--device",
        "--json",
    ],
    "evaluate zeroshot": [
        "MODEL",
        "SET",
        "--root",
        "--label",
        "--multilabel",
        "--folds",
        "--test",
        "--windows",
        "--cache",
        "--modality",
        "--templates",
        "--seed",
        "--device",
        "--json",
    ],
    "embed": ["MODEL", "PATHS", "--out", "--format", "--windows", "--batch", "--device", "--json"],
    "align prepare": [
        "SOURCE",
        "--from",
        "--out",
        "--device",
        "--batch",
        "--seed",
        "--cache",
        "--json",
        "--encoder",
        "--mode",
        "--sound",
        "--short",
        "--image",
        "--image-weights",
        "--frames",
        "--text",
        "--width",
        "--features",
        "--shots",
        "--window",
        "--times",
        "--keep-media",
        "--media",
        "--texts",
        "--noise",
        "--variant",
        "--pieces",
        "--partners",
        "--streams",
    ],
    "align train": ["CONFIG", "--run"],
    "align predict": ["MODEL", "DATA", "--split", "--device", "--out", "--method", "--beam", "--no-media", "--json"],
    "align evaluate": [
        "DATA",
        "--split",
        "--device",
        "--model",
        "--method",
        "--beam",
        "--baselines",
        "--select",
        "--json",
    ],
    "conflicts report": ["RUN", "DATA", "--out", "--clips", "--megabytes", "--json"],
    "conflicts calibrate": ["CHECKPOINT", "DATA", "--batches", "--batch", "--device", "--json"],
    "bench": ["SUITE", "--only", "--json", "--pairs", "--batch", "--records", "--device", "--processes"],
    "": ["--version"],
}


def surface(parser: argparse.ArgumentParser, path: str = "") -> dict[str, list[str]]:
    """Verb -> its arguments, options by their longest name."""
    verbs: dict[str, list[str]] = {}
    own = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                verbs |= surface(below, f"{path} {name}".strip())
        elif action.dest != "help":
            own.append(max(action.option_strings, key=len) if action.option_strings else action.dest.upper())
    return verbs if verbs and path else verbs | {path: own}


def test_verbs_and_options():
    """Change it here when you change it there, and say so in the changelog."""
    assert surface(cli._parser()) == SURFACE


def test_status_of_an_unknown_argument_and_of_help(capsys):
    for given, status in ((["shards", "stats", "x", "--nonsense"], 2), ([], 2), (["pretrain", "--help"], 0)):
        with pytest.raises(SystemExit) as end:
            cli.main(given)
        assert end.value.code == status
    assert "--harmony.rule" in capsys.readouterr().out


def _verb(monkeypatch, error: BaseException) -> int:
    def fail(options: argparse.Namespace) -> int:
        raise error

    parser = argparse.ArgumentParser()
    parser.set_defaults(run_verb=fail)
    monkeypatch.setattr(cli, "_parser", lambda: parser)
    return cli.main([])


def test_mistakes_and_interruptions_are_one_line(monkeypatch, capsys):
    assert _verb(monkeypatch, UserError("It is wrong", "Nothing ran", "Mend it")) == 2
    assert capsys.readouterr().err == "error: It is wrong. Nothing ran. Mend it.\n"
    assert _verb(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert _verb(monkeypatch, BrokenPipeError()) == 0
    assert capsys.readouterr().err == ""


def test_only_the_first_rank_speaks_at_once(monkeypatch, capsys):
    waited = []
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(cli.time, "sleep", waited.append)
    assert _verb(monkeypatch, UserError("a", "b", "c")) == 2
    assert waited and "error: a" in capsys.readouterr().err
