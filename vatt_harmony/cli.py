"""The command line: one verb a line. Parse, call, exit status; a user's mistake is one message, never a traceback."""

import argparse
import logging
import os
import sys
import time
import warnings
from collections.abc import Sequence

from vatt_harmony import __version__
from vatt_harmony.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; 0 = done, 1 = the verb says no (a check failed), 2 = a user's mistake."""
    given = [a for a in (sys.argv[1:] if arguments is None else arguments) if not _from_launcher(a)]
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("DeepSpeed", "accelerate", "torch", "libav"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)  # of libraries to libraries; the tests show them
    # Torch's own account of a lost connection is a page of C++ frames; ours is one sentence.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    parser = _parser()
    options, rest = parser.parse_known_args(given)
    if rest and not getattr(options, "takes_overrides", False):
        parser.error(f"unknown arguments: {' '.join(rest)}")
    options.overrides = rest
    try:
        return int(options.run_verb(options))
    except UserError as error:
        _wait_for_first_rank()
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        if _is_first_rank():
            print("interrupted", file=sys.stderr)
        return 130


def _from_launcher(argument: str) -> bool:
    # The deepspeed launcher puts this before our own arguments; the same number is in the environment.
    return argument.startswith("--local_rank=")


def _wait_for_first_rank() -> None:
    # Most mistakes strike all ranks alike; the launcher ends the others as soon as the first has told its message.
    if not _is_first_rank():
        time.sleep(10)


def _is_first_rank() -> bool:
    return int(os.environ.get("RANK", "0")) == 0


def _parser() -> argparse.ArgumentParser:
    # Rooms are imported by their parsers, torch only by the verbs that compute.
    from vatt_harmony.align.cli import add_parsers as align
    from vatt_harmony.conflicts.cli import add_parsers as conflicts
    from vatt_harmony.demo.cli import add_parser as demo
    from vatt_harmony.downstream.cli import add_parsers as downstream
    from vatt_harmony.engine.cli import add_parsers as engine
    from vatt_harmony.finetune.cli import add_parser as finetune
    from vatt_harmony.scale.cli import add_parsers as scale
    from vatt_harmony.shards.cli import add_parser as shards

    parser = argparse.ArgumentParser(prog="vatt-harmony", description=sys.modules["vatt_harmony"].__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for add in (demo, shards, engine, finetune, downstream, align, conflicts, scale):
        add(verbs)
    return parser


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
