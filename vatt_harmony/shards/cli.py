"""The verbs `shards build / verify / stats / show`: parse, call, exit status."""

import argparse
from pathlib import Path

from rich.console import Console

from vatt_harmony.errors import UserError
from vatt_harmony.figures import Figure, write_figures
from vatt_harmony.shards.build import BuildReport, build
from vatt_harmony.shards.index import open_source
from vatt_harmony.shards.ledger import Remark
from vatt_harmony.shards.plan import BuildSettings
from vatt_harmony.shards.show import contact_sheet
from vatt_harmony.shards.stats import count, figures, print_counts
from vatt_harmony.shards.verify import Verdict, verify


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb `shards`; each of its verbs sets `run_verb`, a function from the arguments to an exit status."""
    shards = subparsers.add_parser("shards", help="make, check, count and show WebDataset shards")
    verbs = shards.add_subparsers(dest="shards_verb", required=True)
    _add_build(verbs.add_parser("build", help="write the shards of a manifest; start again to go on"))
    check = _add_reading(verbs.add_parser("verify", help="decode every sample and check timing, keys and digests"))
    check.add_argument("--max-bad", type=int, default=0, metavar="N", help="bad samples and shards allowed (0)")
    check.set_defaults(run_verb=_verify)
    _add_reading(verbs.add_parser("stats", help="clips, hours, captions, missing modalities, drops")).set_defaults(
        run_verb=_stats
    )
    show = verbs.add_parser("show", help="a contact sheet of some samples")
    show.add_argument("source", help=_SOURCE)
    show.add_argument("--out", type=Path, default=Path("contact_sheet.png"), help="image file (contact_sheet.png)")
    show.add_argument("--samples", type=int, default=8, metavar="N", help="samples to show (8)")
    show.add_argument("--seed", type=int, default=0, help="which samples (0)")
    show.set_defaults(run_verb=_show)


REMARKS: dict[Remark, str] = {
    "no caption": "{n} of {clips} clips have no caption",
    "caption outside the clip": "{n} captions lie wholly outside their clips and were left out",
    "long clip": (
        "{n} of {clips} clips are longer than 60 s: every window reads the whole stored clip; use --clip-seconds 10"
    ),
}
_SOURCE = "folder of tars (or of folders of tars), one tar, glob or brace pattern"


def _add_build(parser: argparse.ArgumentParser) -> None:
    defaults = BuildSettings()
    parser.add_argument("--manifest", type=Path, required=True, help=".csv, .tsv, .jsonl or .parquet, one row a clip")
    parser.add_argument("--out", type=Path, required=True, help="folder; shards go to OUT/SPLIT/SOURCE-000000.tar")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes (0: one for each core)")
    parser.add_argument("--samples-per-shard", type=int, default=defaults.samples_per_shard, metavar="N")
    parser.add_argument("--reencode", choices=("auto", "always", "never"), default=defaults.reencode)
    parser.add_argument("--short-side", type=int, default=defaults.short_side, metavar="PIXELS")
    parser.add_argument("--fps", type=float, default=defaults.fps, metavar="HZ")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of the order of clips and of --hold-out")
    parser.add_argument(
        "--hold-out", type=float, default=0.0, metavar="SHARE", help="of the videos, as split test (0.05; default: 0)"
    )
    parser.add_argument(
        "--clip-seconds",
        type=float,
        default=0.0,
        metavar="N",
        help="cut longer files into clips of N s (10; default: 0)",
    )
    parser.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="drop list: clips to leave out, a key SOURCE/KEY (or KEY, in every source) a line, as `conflicts report` "
        "exports it; or .csv or .parquet with a column key",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run_verb=_build)


def _add_reading(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("source", nargs="+", help=_SOURCE)
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes (0: one for each core)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _build(arguments: argparse.Namespace) -> int:
    try:
        settings = BuildSettings(
            samples_per_shard=arguments.samples_per_shard,
            reencode=arguments.reencode,
            short_side=arguments.short_side,
            fps=arguments.fps,
            seed=arguments.seed,
            hold_out=arguments.hold_out,
            clip_seconds=arguments.clip_seconds,
        )
    except ValueError as error:
        raise UserError(str(error), "No shards were written", "Choose a value in the range") from error
    report = build(arguments.manifest, arguments.out, settings, arguments.workers, exclude=arguments.exclude)
    _report_build(report, arguments.out)
    if arguments.json:
        values = {"shards": report.shards, "kept": report.kept, "clips": report.total.samples}
        values |= {f"dropped: {reason}": n for reason, n in report.total.drops.items()}
        rows = [Figure(id=f"build.{name}", name=name, value=value) for name, value in values.items()]
        rows.append(Figure(id="build.hours", name="hours", value=report.total.seconds / 3600, unit="h"))
        write_figures(rows, arguments.json)
    return 0


def _report_build(report: BuildReport, out: Path) -> None:
    console, total = Console(), report.total
    dropped = sum(total.drops.values())
    console.print(
        f"{total.samples} clips, {total.seconds / 3600:.3f} h, {total.bytes / 1e6:.1f} MB in {report.shards} shards "
        f"under {out} ({report.kept} were finished before)"
    )
    console.print(f"{dropped} of {total.samples + dropped} clips dropped" + (":" if dropped else ""))
    for reason, n in total.drops.items():
        console.print(f"  {n:6d}  {reason}  (first: {total.first[reason]})", markup=False)
    for remark, n in total.remarks.items():
        told = REMARKS[remark].format(n=n, clips=total.samples)
        console.print(f"{told} (first: {total.first[remark]})", markup=False)


def _verify(arguments: argparse.Namespace) -> int:
    verdict = verify(_open(arguments.source), arguments.workers)
    _report_verdict(verdict)
    if arguments.json:
        rows = [Figure(id="verify.samples", name="samples", value=verdict.samples)]
        rows += [Figure(id=f"verify.{r}", name=r, value=n, goal="<= 0") for r, n in verdict.problems.items()]
        write_figures(rows, arguments.json)
    return int(verdict.failures > arguments.max_bad)


def _report_verdict(verdict: Verdict) -> None:
    console = Console()
    console.print(f"{verdict.samples} samples, {verdict.failures} failures" + (":" if verdict.problems else ""))
    for reason, n in verdict.problems.most_common():
        console.print(f"  {n:6d}  {reason}  (first: {verdict.first[reason]})", markup=False)


def _stats(arguments: argparse.Namespace) -> int:
    sources = count(_open(arguments.source), arguments.workers)
    print_counts(sources, Console())
    if arguments.json:
        write_figures(figures(sources), arguments.json)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if arguments.samples < 1:
        raise UserError(f"--samples is {arguments.samples}", "Nothing would be shown", "Give 1 or more")
    shown = contact_sheet(_open([arguments.source]), arguments.out, arguments.samples, arguments.seed)
    Console().print(f"{shown} samples in {arguments.out}")
    return 0


def _open(specs: list[str]) -> list[Path]:
    """The shards of several sources; the OUT folder of a build stands for all its splits."""
    shards: list[Path] = []
    for spec in specs:
        folder = Path(spec)
        if folder.is_dir() and not any(folder.glob("*.tar")) and any(folder.glob("*/*.tar")):
            shards += folder.glob("*/*.tar")
        else:
            shards += open_source(spec)
    return sorted(set(shards))
