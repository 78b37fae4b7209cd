"""Inspecting a corpus from beginning to end, over all its files."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dujiang.data.inspection import scripts
from dujiang.data.inspection.contamination import Benchmark, benchmark, dirty
from dujiang.data.inspection.corpora import Example, Part, Task, work
from dujiang.data.inspection.documents import TEXT, files_of, pieces, read
from dujiang.data.inspection.duplicates import THRESHOLD, Store, duplicates
from dujiang.data.inspection.encoding import FAULTS
from dujiang.data.inspection.personal import DETECTORS, without
from dujiang.data.inspection.sampling import CONFIDENCE, Plan, plan
from dujiang.data.inspection.spread import each
from dujiang.data.inspection.tables import Progress, quiet
from dujiang.messages import BadInput, Text

MANUAL, MANUAL_RATE = 4000, 0.96
"""GB/T 45654-2025's sample that people look at, and the share of it that must pass."""
_LINES = 200_000
_SHOWN = 20
_SIZES = (0, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000)
"""Where the histogram of lengths is cut, characters."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no document."""

    file: str
    line: int
    why: Text


@dataclass(frozen=True, slots=True)
class Contamination:
    """How many items of a benchmark stand in the corpus; ``first`` are the numbers of some, from 1."""

    benchmark: str
    items: int
    too_short: int
    dirty: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """What inspecting a corpus came to; counts are of documents where nothing else is said.

    ``characters`` are by class, ``lengths`` quartiles and extremes of the characters of a document, ``histogram`` by
    `sizes`. ``boilerplate`` are lines that stand in many documents. ``largest`` are groups of like documents: (file and
    line of the first, how many). ``banned`` is empty where no list of words was given.
    """

    source: str
    files: int
    documents: int
    malformed: int
    first_malformed: tuple[Malformed, ...]
    recoded: int
    characters: Mapping[str, int]
    lengths: Mapping[str, float]
    histogram: tuple[tuple[int, int], ...]
    languages: Mapping[str, int]
    sources: Mapping[str, int]
    without_source: int
    licences: Mapping[str, int]
    without_licence: int
    sources_by_language: Mapping[str, int]
    quality: Mapping[str, int]
    encoding: Mapping[str, int]
    boilerplate: tuple[tuple[str, int], ...]
    boilerplate_share: float
    phrases: Mapping[str, int]
    personal: Mapping[str, int]
    with_personal: int
    words: int
    banned: Mapping[str, int]
    with_banned: int
    banned_by_source: Mapping[str, tuple[int, int]]
    exact_copies: int
    near_copies: int
    threshold: float
    capped: int
    largest: tuple[tuple[Example, int], ...]
    contamination: tuple[Contamination, ...]
    sample: Plan
    examples: Mapping[str, tuple[Example, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, as it stands in JSON."""
        from dujiang.data.inspection.generative import items

        return {
            "kind": "corpus",
            **asdict(self),
            "banned_by_source": {name: list(counts) for name, counts in self.banned_by_source.items()},
            "requirements": [asdict(one) | {"state": str(one.state)} for one in items(self)],
        }


def inspect_corpus(
    source: str | Path,
    *,
    fields: Sequence[str] = TEXT,
    banned: Sequence[str] = (),
    benchmarks: Sequence[str | Path] = (),
    threshold: float = THRESHOLD,
    seed: int = 0,
    engine: str = "local",
    progress: Progress = quiet,
) -> CorpusReport:
    """Inspect a corpus (a file, a folder, a pattern) and return the report.

    ``fields`` hold the text, ``banned`` are words to look for, ``benchmarks`` files of texts that should not be in it.
    Work is spread by ``engine``, over the machine's cores or a Ray cluster. Raises `BadInput`.
    """
    files = files_of(str(source))
    task = Task(
        tuple(fields),
        tuple(dict.fromkeys(word.lower() for word in banned)),
        tuple(_benchmark(one, fields) for one in benchmarks),
    )
    parts = [piece for file in files for piece in pieces(file)]
    sums = _Sums(task)
    with TemporaryDirectory(prefix="dujiang-inspect-") as folder, Store(Path(folder)) as store:
        for number, part in enumerate(each(work(task), parts, engine), start=1):
            assert part.prints is not None
            store.add(part.prints)
            sums.add(part)
            progress(
                Text(
                    f"已读 {number}/{len(parts)} 块，{store.documents:,} 篇",
                    f"{number} of {len(parts)} pieces read, {store.documents:,} documents",
                )
            )
        if not store.documents:
            raise BadInput(
                str(source),
                expected=Text("有文档的语料", "a corpus with documents"),
                found=str(sums.first_malformed[0].why) if sums.first_malformed else "",
                row=sums.first_malformed[0].line if sums.first_malformed else None,
            )
        progress(Text("查找近似重复", "near duplicates"))
        alike = duplicates(store.read(), threshold)
        largest = tuple((Example(*sums.place(first), ""), size) for first, size in alike.largest())
    return sums.report(str(source), len(files), alike, threshold, _texts_of(largest, fields), seed)


def read_words(path: Path) -> list[str]:
    """Return a list of banned words, a word a line, # for remarks; raises `BadInput`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            path, expected=Text("UTF-8 文本，每行一词", "a text in UTF-8, a word a line"), found=str(error)
        ) from error
    words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not words:
        raise BadInput(path, expected=Text("每行一词", "a word a line"), found="0")
    return words


def write_sample(report: CorpusReport, path: Path, fields: Sequence[str] = TEXT) -> None:
    """Write the documents of the report's sampling plan as a CSV for people to mark, whole or not at all."""
    wanted = iter(report.sample.drawn())
    following = next(wanted, None)
    passed = 0
    partial = path.with_name(f".partial-{path.name}")
    with partial.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["文件 file", "行 line", "正文 text", "是否合格 passes", "说明 why"])
        for one in files_of(report.source):
            before = 0
            for piece in pieces(one):
                documents = read(piece, fields)
                while following is not None and following < passed + len(documents.texts):
                    place = following - passed
                    writer.writerow([one, documents.lines[place] + before, documents.texts[place], "", ""])
                    following = next(wanted, None)
                passed += len(documents.texts)
                before += documents.counted
    partial.replace(path)


def _benchmark(path: str | Path, fields: Sequence[str]) -> Benchmark:
    texts = [text for file in files_of(str(path)) for piece in pieces(file) for text in read(piece, fields).texts]
    return benchmark(str(path), texts)


def _texts_of(largest: Sequence[tuple[Example, int]], fields: Sequence[str]) -> tuple[tuple[Example, int], ...]:
    """Return the groups with how their first document begins, read again from its file."""
    shown = []
    for example, size in largest:
        text = ""
        left = example.line
        for piece in pieces(Path(example.file)):
            documents = read(piece, fields)
            if left <= documents.counted:
                text = documents.texts[documents.lines.index(left)]
                break
            left -= documents.counted
        shown.append((replace(example, text=without(" ".join(text[:80].split()))), size))
    return tuple(shown)


class _Sums:
    """The parts of a corpus, put together in their order."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._lengths: list[Any] = []
        self._lines: list[Any] = []
        self._files: list[str] = []
        self._offset: Counter[str] = Counter()
        self.first_malformed: list[Malformed] = []
        self._malformed = self._recoded = self._with_personal = self._with_banned = 0
        self._characters = np.zeros(len(scripts.CLASSES), np.int64)
        self._counters: dict[str, Counter[Any]] = {
            name: Counter()
            for name in (
                "languages",
                "sources",
                "licences",
                "by_language",
                "quality",
                "encoding",
                "boilerplate",
                "phrases",
                "personal",
                "banned",
                "banned_by_source",
            )
        }
        self._examples: dict[str, list[Example]] = {}
        self._hits = [np.zeros(len(one.grams), np.int64) for one in task.benchmarks]

    def add(self, part: Part) -> None:
        """Add the part that comes next."""
        path = part.piece.path
        before = self._offset[path]
        self._offset[path] += part.counted
        self._lengths.append(part.lengths)
        self._lines.append(part.lines + before)
        self._files.append(path)
        self._malformed += part.malformed
        self.first_malformed += [Malformed(path, line + before, why) for line, why in part.faults]
        del self.first_malformed[_SHOWN:]
        self._recoded += part.recoded
        self._with_personal += part.with_personal
        self._with_banned += part.with_banned
        self._characters += part.characters
        for name, counter in self._counters.items():
            counter.update(getattr(part, name))
        lines = self._counters["boilerplate"]
        if len(lines) > 2 * _LINES:
            self._counters["boilerplate"] = Counter(
                dict(sorted(lines.items(), key=lambda one: (-one[1], one[0]))[:_LINES])
            )
        for key, found in part.examples.items():
            kept = self._examples.setdefault(key, [])
            kept += [Example(path, line + before, text) for line, text in found]
            del kept[5:]
        self._hits = [total + hits for total, hits in zip(self._hits, part.hits, strict=True)]

    def place(self, document: int) -> tuple[str, int]:
        """Return the file and line of a document by its number."""
        for path, lines in zip(self._files, self._lines, strict=True):
            if document < len(lines):
                return path, int(lines[document])
            document -= len(lines)
        raise IndexError(document)

    def report(self, source: str, files: int, alike: Any, threshold: float, largest: Any, seed: int) -> CorpusReport:
        """Return the report."""
        lengths = np.concatenate(self._lengths)
        count = len(lengths)
        counters: dict[str, dict[Any, int]] = {
            name: dict(counter.most_common()) for name, counter in self._counters.items()
        }
        enough = max(5, count // 1000)
        lines = [(line, times) for line, times in counters["boilerplate"].items() if times >= enough]
        lines.sort(key=lambda one: (-one[1], one[0]))
        sources, licences = counters["sources"], counters["licences"]
        without = (int(sources.pop("", 0)), int(licences.pop("", 0)))
        by_language = Counter(language for language, name in counters["by_language"] if name)
        cuts = np.searchsorted(_SIZES, lengths, side="right") - 1
        quartiles = np.quantile(lengths, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1))
        return CorpusReport(
            source=source,
            files=files,
            documents=count,
            malformed=self._malformed,
            first_malformed=tuple(self.first_malformed),
            recoded=self._recoded,
            characters={
                name: int(total) for name, total in zip(scripts.CLASSES, self._characters, strict=True) if total
            },
            lengths={
                "total": float(lengths.sum(dtype=np.int64)),
                "mean": float(lengths.mean()),
                **dict(zip(("min", "p5", "p25", "p50", "p75", "p95", "max"), map(float, quartiles), strict=True)),
            },
            histogram=tuple(zip(_SIZES, np.bincount(cuts, minlength=len(_SIZES)).tolist(), strict=True)),
            languages=counters["languages"],
            sources=sources,
            without_source=without[0],
            licences=licences,
            without_licence=without[1],
            sources_by_language=dict(by_language.most_common()),
            quality={
                name: counters["quality"].get(name, 0) for name in ("empty", "short", "symbols", "repeated", "ellipses")
            },
            encoding={name: counters["encoding"].get(name, 0) for name in FAULTS},
            boilerplate=tuple(lines[:_SHOWN]),
            boilerplate_share=sum(len(line) * times for line, times in lines)
            / max(1, int(lengths.sum(dtype=np.int64))),
            phrases=dict(list(counters["phrases"].items())[:_SHOWN]),
            personal={name: counters["personal"].get(name, 0) for name in DETECTORS},
            with_personal=self._with_personal,
            words=len(self._task.banned),
            banned=dict(list(counters["banned"].items())[:_SHOWN]),
            with_banned=self._with_banned,
            banned_by_source={
                name: (hit, sources.get(name, without[0] if not name else 0))
                for name, hit in counters["banned_by_source"].items()
            },
            exact_copies=alike.exact_copies,
            near_copies=alike.near_copies,
            threshold=threshold,
            capped=alike.capped,
            largest=largest,
            contamination=tuple(self._contaminated()),
            sample=plan(count, MANUAL, MANUAL_RATE, confidence=CONFIDENCE, seed=seed),
            examples={key: tuple(found) for key, found in sorted(self._examples.items())},
        )

    def _contaminated(self) -> list[Contamination]:
        found = []
        for one, hits in zip(self._task.benchmarks, self._hits, strict=True):
            items = dirty(one, hits)
            found.append(
                Contamination(
                    one.name, one.items, one.too_short, len(items), tuple(int(item) + 1 for item in items[:10])
                )
            )
        return found
