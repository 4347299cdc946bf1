"""The README's commands do what they say: blocks marked `<!-- tested -->` run in a copy of the project, in order."""

from pathlib import Path

import pytest
from support.exports import write_clip
from support.readme import PROJECT, copy_project, marked_blocks, run_block, shortened

BLOCKS = marked_blocks((PROJECT / "README.md").read_text())
TOWER = "--model.trunk.depth 1 --model.trunk.width 32 --model.trunk.ff 64 --model.trunk.heads 2"
# A reader's commands train for hours; here each does the least that passes through all of it.
LEAST = {
    r"launch/demo\.sh|vatt-harmony demo": "--steps 2 --clips 64",
    r"launch/pretrain\w*\.sh|vatt-harmony pretrain": (
        f"--engine.steps 2 --engine.deepspeed configs/deepspeed/zero1_fp32.json {TOWER} --stream.global_batch 8 "
        "--stream.frames 4 --stream.size 32 --stream.sample_rate 8000 --stream.workers 0"
    ),
    r"align train": "--train.epochs 2 --network.width 8",
    r"finetune": "--train.epochs 1 --train.batch 4 --data.workers 0",
    r"--seeds": "--seeds 1",
}
CLIPS = 16

PAGE = """
# A page

<!-- tested -->
```bash
touch first          # a remark
train \\
    recipe.yaml  # a remark
```

```bash
touch never
```

<!-- tested -->

```bash
test -f first && echo "found it"
```
"""


def test_only_marked_blocks_are_taken() -> None:
    first, second = marked_blocks(PAGE)
    assert first.startswith("touch first")
    assert "found it" in second
    assert marked_blocks("```bash\ntouch never\n```") == []


def test_arguments_go_to_the_end_of_the_command_before_its_remark() -> None:
    short = shortened(marked_blocks(PAGE)[0], {r"\btrain\b": "--steps 2"})
    train = next(line for line in short.splitlines() if line.startswith("train"))
    assert train.split() == ["train", "recipe.yaml", "--steps", "2", "#", "a", "remark"]
    assert "touch first" in short and "touch first --steps" not in short


def test_blocks_share_a_folder_and_a_failing_command_fails_its_block(tmp_path: Path) -> None:
    assert run_block("touch first", tmp_path, 10).returncode == 0
    found = run_block(marked_blocks(PAGE)[1], tmp_path, 10)
    assert (found.returncode, found.stdout) == (0, "found it\n")
    assert run_block("false\necho never", tmp_path, 10).stdout == ""


def test_a_copy_of_the_project_is_set_up_already(tmp_path: Path) -> None:
    copy_project(tmp_path)
    done = run_block("./launch/setup.sh && python -c 'import sys, torch; print(sys.prefix)'", tmp_path, 60)
    assert done.stdout.strip() == str(tmp_path / ".venv")


@pytest.mark.skipif(not BLOCKS, reason="README.md has no block marked <!-- tested -->")
def test_commands_of_the_readme(tmp_path: Path) -> None:
    copy_project(tmp_path)
    _write_videos(tmp_path)
    _write_films(tmp_path)
    _write_labels(tmp_path)
    for block in BLOCKS:
        done = run_block(shortened(block, LEAST), tmp_path, timeout=300)
        assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}"


def _write_videos(folder: Path) -> None:
    """`videos.csv` and what it names: the reader's own videos."""
    (folder / "videos").mkdir()
    lines = ["path,caption"]
    for number in range(CLIPS):
        write_clip(folder / "videos" / f"{number}.mp4", number)
        lines.append(f"videos/{number}.mp4,a pattern number {number}")
    (folder / "videos.csv").write_text("\n".join(lines) + "\n")


def _write_films(folder: Path) -> None:
    """`films.csv`: the first videos as films of one shot, with a sentence each."""
    (folder / "told.srt").write_text("1\n00:00:00,000 --> 00:00:00,900\na pattern\n")
    splits = ("train", "train", "val", "test")
    lines = [f"videos/{number}.mp4,told.srt,{split}" for number, split in enumerate(splits)]
    (folder / "films.csv").write_text("\n".join(["path,sentences,split", *lines]) + "\n")


def _write_labels(folder: Path) -> None:
    """`clips.csv`: the videos in two classes."""
    lines = [f"videos/{number}.mp4,{('even', 'odd')[number % 2]}" for number in range(CLIPS)]
    (folder / "clips.csv").write_text("\n".join(["path,label", *lines]) + "\n")
