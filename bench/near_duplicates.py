"""Near duplicates among 100,000 Chinese documents with planted ones, beside datasketch and datatrove.

Documents are of words drawn by Zipf's law, so that they share phrases as real ones do; copies are edited by characters at
rates from none to a twentieth. Each runs in a process of its own. What is asked: every planted pair whose 5-grams have a
Jaccard similarity of at least 0.8. Datatrove is not installed by default (`make bench-peers`); without it its rows are left out.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DOCUMENTS, COPIES = 100_000, 10_000
SEED = 20261125
THRESHOLD = 0.8


def rows() -> list[dict[str, Any]]:
    """Find the planted duplicates with each, and say how many it found, how many of what it found are, and how fast."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        planted = write(place / "documents.txt")
        ours = run("ours", place)
        peers = {name: run(name, place) for name in ("datasketch", "datatrove")}
        (place / "planted.json").write_text(json.dumps(planted))
        judged = {
            name: judge(place / f"{name}.json", planted, place)
            for name in ("ours", *(n for n, p in peers.items() if p))
        }

    def row(what: str, name: str, mine: float, theirs: float, unit: str) -> dict[str, Any]:
        return {"bench": what, "ours": mine, "peer": theirs, "peer_name": name, "unit": unit}

    made = []
    for name, peer in peers.items():
        if peer is None or ours is None:
            made.append(
                {
                    "bench": f"{DOCUMENTS:,} documents",
                    "ours": ours and ours["seconds"],
                    "peer": None,
                    "peer_name": f"{name} (not installed)",
                    "unit": "s",
                }
            )
            continue
        made += [
            row(f"{DOCUMENTS:,} documents", name, ours["seconds"], peer["seconds"], "s"),
            *([row("the same, processor time", name, ours["cpu"], peer["cpu"], "s")] if name == "datasketch" else []),
            row("peak memory", name, ours["memory"], peer["memory"], "MB"),
            row(f"recall of pairs ≥ {THRESHOLD:g}", name, judged["ours"][0], judged[name][0], "share"),
            row("precision of copies", name, judged["ours"][1], judged[name][1], "share"),
        ]
    return made


def write(path: Path) -> list[tuple[int, int]]:
    """Write the documents, a line each, and return the planted pairs (earlier, later)."""
    draw = random.Random(SEED)
    characters = [chr(point) for point in range(0x4E00, 0x4E00 + 4000)]
    words = ["".join(draw.choices(characters, k=draw.choice((1, 1, 2, 2, 2, 3, 4)))) for _ in range(50_000)]
    totals, total = [], 0.0
    for rank in range(1, len(words) + 1):
        total += 1 / (rank + 2.7)
        totals.append(total)
    documents = [
        "".join(draw.choices(words, cum_weights=totals, k=draw.randint(80, 350))) for _ in range(DOCUMENTS - COPIES)
    ]
    planted = []
    for _ in range(COPIES):
        of = draw.randrange(DOCUMENTS - COPIES)
        text = list(documents[of])
        rate = draw.choice((0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05))
        for _ in range(round(rate * len(text))):
            at = draw.randrange(len(text))
            match draw.randrange(3):
                case 0:
                    text[at] = draw.choice(characters)
                case 1:
                    text.insert(at, draw.choice(characters))
                case _:
                    del text[at]
        planted.append((of, len(documents)))
        documents.append("".join(text))
    path.write_text("\n".join(documents) + "\n", encoding="utf-8")
    return planted


def judge(path: Path, planted: list[tuple[int, int]], place: Path) -> tuple[float, float]:
    """Return (recall, precision) of groups.

    Of planted pairs as alike as asked, how many share a group; of documents that are called copies, how many are as alike
    as asked to an earlier one of their group.
    """
    from dujiang.data.inspection.duplicates import jaccard

    texts = (place / "documents.txt").read_text(encoding="utf-8").split("\n")
    group = json.loads(path.read_text())
    wanted = [(one, other) for one, other in planted if jaccard(texts[one], texts[other]) >= THRESHOLD]
    recall = sum(group[one] == group[other] for one, other in wanted) / len(wanted)
    members: dict[int, list[int]] = {}
    right = called = 0
    for document, first in enumerate(group):
        before = members.setdefault(first, [])
        if before:
            called += 1
            right += any(jaccard(texts[one], texts[document]) >= THRESHOLD for one in before[-20:])
        before.append(document)
    return recall, right / called if called else 1.0


def run(name: str, place: Path) -> dict[str, float] | None:
    """Run one in a process of its own; None where its library isn't installed."""
    python = sys.executable
    if name == "datatrove":
        peer = Path(".peers/data/bin/python")
        python = str(peer) if peer.exists() else os.environ.get("DATATROVE_PYTHON", sys.executable)
    done = subprocess.run(
        [python, __file__, name, str(place)], capture_output=True, text=True, check=False, env=os.environ
    )
    if done.returncode == 3:
        return None
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def ours(place: Path) -> list[int]:
    """Return each document's group with Dujiang's."""
    from dujiang.data.inspection.duplicates import of_texts

    texts = (place / "documents.txt").read_text(encoding="utf-8").split("\n")[:-1]
    found: list[int] = of_texts(texts, THRESHOLD).group.tolist()
    return found


def datasketch(place: Path) -> list[int]:
    """Return each document's group with datasketch as its documentation shows it: MinHash in batches, LSH at the threshold."""
    from datasketch import MinHash, MinHashLSH

    texts = (place / "documents.txt").read_text(encoding="utf-8").split("\n")[:-1]
    sets = [[text[at : at + 5].encode() for at in range(max(1, len(text) - 4))] for text in texts]
    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    group = list(range(len(texts)))
    for document, made in enumerate(MinHash.generator(sets, num_perm=128)):
        alike = index.query(made)
        index.insert(document, made)
        _join(group, document, alike)
    return [_root(group, document) for document in range(len(texts))]


def datatrove(place: Path) -> list[int]:
    """Return each document's group with datatrove's four steps, on all cores; its tokens are characters here."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.utils import word_tokenizers
    from datatrove.utils.hashing import HashConfig

    cores = os.cpu_count() or 1
    texts = (place / "documents.txt").read_text(encoding="utf-8").split("\n")[:-1]
    (place / "in").mkdir()
    share = -(-len(texts) // cores)
    for core in range(cores):
        with (place / "in" / f"{core:02d}.jsonl").open("w", encoding="utf-8") as file:
            for document in range(core * share, min(len(texts), (core + 1) * share)):
                file.write(json.dumps({"text": texts[document], "id": str(document)}) + "\n")
    # 14 bands of 8, its defaults for a threshold of some 0.75; blanks between characters make them its words.
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
    word_tokenizers.load_word_tokenizer = lambda language: Characters()
    import datatrove.pipeline.dedup.minhash as module

    module.load_word_tokenizer = lambda language: Characters()
    quiet = {"logging_dir": str(place / "logs"), "skip_completed": False}
    LocalPipelineExecutor(
        [JsonlReader(str(place / "in")), MinhashDedupSignature(str(place / "sigs"), config=config)],
        tasks=cores,
        workers=cores,
        **quiet,
    ).run()
    LocalPipelineExecutor(
        [MinhashDedupBuckets(str(place / "sigs"), str(place / "buckets"), config=config)],
        tasks=14,
        workers=cores,
        **(quiet | {"logging_dir": str(place / "logs2")}),
    ).run()
    LocalPipelineExecutor(
        [MinhashDedupCluster(str(place / "buckets"), str(place / "remove"), config=config, save_cluster_id=True)],
        tasks=1,
        **(quiet | {"logging_dir": str(place / "logs3")}),
    ).run()
    return _clusters(place, share, len(texts))


def _clusters(place: Path, share: int, count: int) -> list[int]:
    """Read the groups that datatrove's last step writes: pairs of a document's number in its file and its cluster."""
    import struct

    group, firsts = list(range(count)), {}
    for path in sorted((place / "remove").glob("*.clusters")):
        data = path.read_bytes()
        for document, cluster in struct.iter_unpack("<II", data):
            whole = int(path.name.split(".")[0]) * share + document
            group[whole] = firsts.setdefault(cluster, whole)
    return group


class Characters:
    """What datatrove takes for a tokenizer: characters are words."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the characters."""
        return list(text)


def _root(group: list[int], one: int) -> int:
    while group[one] != one:
        group[one] = group[group[one]]
        one = group[one]
    return one


def _join(group: list[int], document: int, alike: list[int]) -> None:
    for other in alike:
        one, two = _root(group, document), _root(group, other)
        group[max(one, two)] = min(one, two)


def main(name: str, place: Path) -> None:
    """Run one and print seconds, processor seconds and memory."""
    if name == "ours":
        from dujiang.data.inspection.duplicates import of_texts

        text = "".join(chr(point) for point in range(0x4E00, 0x4E00 + 400))
        of_texts([text, text, text[3:], text[::-1]])  # Numba compiles once a machine.
    try:
        if name == "datatrove":
            import datatrove as _
        elif name == "datasketch":
            import datasketch as _  # noqa: F401
    except ImportError:
        sys.exit(3)
    used, started = _cpu(), time.perf_counter()
    group = globals()[name](place)
    seconds = time.perf_counter() - started
    told = {"seconds": seconds, "cpu": _cpu() - used, "memory": _memory()}
    (place / f"{name}.json").write_text(json.dumps(group))
    print(json.dumps(told))


def _cpu() -> float:
    return sum(
        one.ru_utime + one.ru_stime for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _memory() -> float:
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
