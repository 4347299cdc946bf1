"""Miniatures of published sets: official layout, official lists, full split sizes, a handful of media files.

Where a size is not known exactly (marked), the miniature has the nearest figure that is told. `share` shortens lists.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

from vatt_harmony.finetune.miniature.media import SharedMedia, link
from vatt_harmony.finetune.sets import crema_d, hmdb51, kinetics, ucf101_51

CREMA_FOLDS = ((4043, 878, 899), (4024, 881, 915), (4017, 869, 934), (4046, 896, 878), (4068, 844, 908))
CREMA_SPEAKERS = (63, 14, 14)
CREMA_SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
AVE_SIZES = {"trainSet": 3339, "valSet": 402, "testSet": 402}
AVE_CLASSES = 28
UCF_SIZES = (4893, 1944)  # of list 1, as papers count them; not checked against the lists
HMDB_SIZES = (70, 30, 32)  # train, test and unused a class: 6,732 of the 6,766 clips
KINETICS_SIZES = (234_584, 20_000)  # train as VATT counts its copy; 50 clips a class to validate
SOUNDS_SIZES = (22_521, 1_532)  # AdaMML's copy, as told in its paper; not checked


def crema_d_folds(root: Path, share: float) -> None:
    """CREMA-D with the five published folds: wav, flv and one picture a second of each clip."""
    speakers = [str(1001 + index) for index in range(91)]
    lists: dict[str, dict[str, list[str]]] = {}
    named: set[str] = set()
    for fold, sizes in enumerate(CREMA_FOLDS):
        around, splits = iter(speakers[14 * fold :] + speakers[: 14 * fold]), {}
        for split, size, count in zip(("train", "val", "test"), sizes, CREMA_SPEAKERS, strict=True):
            names = _spread([_crema_names(s) for s in itertools.islice(around, count)], _cut(size, share))
            splits[split] = [f"{name}.wav-0" for name in names]
            named.update(names)
        lists[str(fold + 1)] = splits
    (root / crema_d.LIST).write_text(json.dumps(lists))
    _crema_media(root, named)


def crema_d_ogm(root: Path, share: float) -> None:
    """CREMA-D with the lists of OGM: 6,698 and 744 clips."""
    names = _spread([_crema_names(str(1001 + index)) for index in range(91)], 7442)
    train, test = names[: _cut(6698, share)], names[6698 : 6698 + _cut(744, share)]
    for split, listed in (("train", train), ("test", test)):
        (root / f"{split}.csv").write_text("".join(f"{name},{name.split('_')[2]}\n" for name in listed))
    _crema_media(root, {*train, *test})


def ave_lists(root: Path, share: float) -> None:
    """AVE: 10 s films, the event anywhere in them."""
    media, lines, number = SharedMedia(root / "media"), ["Category&VideoID&Quality&StartTime&EndTime"], 0
    for name, size in AVE_SIZES.items():
        listed = []
        for _ in range(_cut(size, share)):
            kind, video, start = number % AVE_CLASSES, f"video{number:06d}", number % 4
            listed.append(f"Event {kind:02d}&{video}&good&{start}&10")
            link(root / "AVE" / f"{video}.mp4", media.video(kind, (240, 320), 25, 10.0, 44100))
            number += 1
        lines += listed
        (root / f"{name}.txt").write_text("\n".join(listed) + "\n")
    (root / "Annotations.txt").write_text("\n".join(lines) + "\n")


def ucf101(root: Path, share: float) -> None:
    """UCF101, its 51 classes with sound and one without, list 1; 25 groups a class, seven of them to test."""
    media, names = SharedMedia(root / "media"), [*ucf101_51.CLASSES, "YoYo"]
    lists: dict[str, list[str]] = {"train": [], "test": []}
    sizes = zip(lists, (range(8, 26), range(1, 8)), UCF_SIZES, strict=True)
    for split, groups, size in sizes:
        for number in range(_cut(size, share)):
            kind, turn = number % 51, number // 51
            group, clip = groups[turn % len(groups)], 1 + turn // len(groups)
            lists[split].append(_ucf_clip(root, media, names[kind], kind, group, clip))
        lists[split].append(_ucf_clip(root, media, names[51], 51, groups[0], 1))
    (root / "ucfTrainTestlist").mkdir()
    for split, listed in lists.items():
        (root / "ucfTrainTestlist" / f"{split}list01.txt").write_text("\n".join(listed) + "\n")


def hmdb(root: Path, share: float) -> None:
    """HMDB51: silent films of 3 s; ten source films a class."""
    media, (train, test, unused) = SharedMedia(root / "media"), (_cut(size, share) for size in HMDB_SIZES)
    (root / hmdb51.FOLDER).mkdir(parents=True)
    for kind in range(51):
        name, uses = f"action_{kind:02d}", [1] * train + [2] * test + [0] * unused
        files = [f"Film{index % 10}_{name}_u_nm_np1_fr_med_{index}.avi" for index in range(len(uses))]
        for file in files:
            link(root / "videos" / name / file, media.video(kind, (240, 320), 30, 3.0))
        for split in (1, 2, 3):
            turned = uses[split - 1 :] + uses[: split - 1]
            text = "".join(f"{file} {use} \n" for file, use in zip(files, turned, strict=True))
            (root / hmdb51.FOLDER / f"{name}_test_split{split}.txt").write_text(text)


def kinetics400(root: Path, share: float) -> None:
    """Kinetics-400: 10 s films in flat folders."""
    _kinetics(root, [f"action {index:03d}" for index in range(400)], KINETICS_SIZES, share)


def kinetics_sounds(root: Path, share: float) -> None:
    """The 31 classes of Kinetics-Sounds, and one that is not among them."""
    _kinetics(root, [*kinetics.SOUNDS, "yoga"], tuple(size * 32 // 31 for size in SOUNDS_SIZES), share)


def esc(root: Path, share: float) -> None:
    """ESC-50: 2,000 sounds of 5 s at 44.1 kHz, forty a class, eight of them a fold."""
    media, lines = SharedMedia(root / "media"), ["filename,fold,target,category,esc10,src_file,take"]
    for kind, index in itertools.product(range(50), range(max(_cut(40, share), 10))):
        fold, source = index % 5 + 1, 100_000 + kind * 100 + index
        file = f"{fold}-{source}-A-{kind}.wav"
        lines.append(f"{file},{fold},{kind},sound_{kind:02d},{kind < 10},{source},A")
        link(root / "audio" / file, media.sound(kind, 5.0, 44100))
    (root / "meta").mkdir()
    (root / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")


def _cut(size: int, share: float) -> int:
    return max(round(size * share), 2)


def _spread(groups: Sequence[Sequence[str]], count: int) -> list[str]:
    """`count` names, one of each group in turn."""
    turns = itertools.zip_longest(*groups)
    return list(itertools.islice((name for turn in turns for name in turn if name is not None), count))


def _crema_names(speaker: str) -> list[str]:
    """The 82 clips of a speaker: twelve sentences in six emotions, one of them at three levels."""
    plain = [f"{speaker}_{sentence}_{emotion}_XX"
             for sentence in CREMA_SENTENCES for emotion in crema_d.EMOTIONS
             if sentence != "IEO" or emotion == "NEU"]  # fmt: skip
    return plain + [f"{speaker}_IEO_{e}_{level}" for e in crema_d.EMOTIONS[1:] for level in ("LO", "MD", "HI")]


def _crema_media(root: Path, names: set[str]) -> None:
    media = SharedMedia(root / "media")
    for name in sorted(names):
        kind = crema_d.EMOTIONS.index(name.split("_")[2])
        link(root / "AudioWAV" / f"{name}.wav", media.sound(kind, 2.5, 16000))
        link(root / "VideoFlash" / f"{name}.flv", media.video(kind, (360, 480), 30, 2.5, 44100))
        link(root / "Image-01-FPS" / name, media.pictures(kind, (360, 480), 3))
        link(root / "Face_features" / f"{name}.npy", media.vectors(kind, 75, 1408))


def _ucf_clip(root: Path, media: SharedMedia, name: str, kind: int, group: int, clip: int) -> str:
    line = f"{name}/v_{name}_g{group:02d}_c{clip:02d}.avi"
    rate = 44100 if name in ucf101_51.CLASSES else None
    link(root / "UCF-101" / line, media.video(kind, (240, 320), 25, 6.0, rate))
    return f"{line} {kind + 1}"


def _kinetics(root: Path, names: Sequence[str], sizes: Sequence[int], share: float) -> None:
    media = SharedMedia(root / "media")
    for split, size in zip(("train", "val"), sizes, strict=True):
        lines, folder = ["label,youtube_id,time_start,time_end,split"], root / split
        folder.mkdir(parents=True)
        for number in range(max(_cut(size, share), len(names) * 2)):
            kind = number % len(names)
            lines.append(f"{names[kind]},{split}{number:07d},10,20,{split}")
            target = media.video(kind, (256, 340), 25, 10.0, 44100)
            (folder / f"{split}{number:07d}_000010_000020.mp4").symlink_to(target)
        (root / f"{split}.csv").write_text("\n".join(lines) + "\n")
