"""Registering data sets, depositing versions of them, reviewing, changing and reading them.

A version is deposited as files into a draft, which is then submitted, reviewed by somebody who had no hand in it, and
published. What is sealed stays sealed.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
import secrets
import unicodedata
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dujiang.data import contents, describing, finding
from dujiang.data.identifiers import mint
from dujiang.data.models import Dataset, Distribution, Upload, Version
from dujiang.data.staging import Arrived, Incoming
from dujiang.data.store import BLOCK
from dujiang.data.terms import Access, Basis, Grade, Sensitivity, State
from dujiang.evidence.actions import append
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, NotAllowed, Role, allowed, require
from dujiang.messages import BadInput, Refused, Text

UPLOAD_DAYS = 7
"""How long an upload may rest before what came in of it is given up."""
LARGEST = 1 << 42
"""Bytes of a file: 4 TiB."""
_NAME = re.compile(r"[^\x00-\x1f\x7f/\\]{1,255}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEDIA = {
    ".parquet": "application/vnd.apache.parquet",
    ".jsonl": "application/jsonl",
    ".geojson": "application/geo+json",
}
# From least to most: what is further on may be set by a data set's owner at any time, what is further back may not.
_STRICTER: dict[str, list[str]] = {
    "grade": [Grade.GENERAL, Grade.IMPORTANT, Grade.CORE],
    "sensitivity": [Sensitivity.NONE, Sensitivity.PERSONAL, Sensitivity.SENSITIVE],
    "access": [Access.OPEN, Access.RESTRICTED, Access.CLOSED],
}
_LENGTHS = {"title_zh": 300, "title_en": 300, "publisher": 300, "licence": 300, "language": 20, "project": 120}


def register(
    actor: Actor,
    *,
    title_zh: str,
    owner: str,
    basis: str,
    title_en: str = "",
    description: str = "",
    publisher: str = "",
    grade: str = Grade.GENERAL,
    sensitivity: str = Sensitivity.NONE,
    access: str = Access.RESTRICTED,
    licence: str = "",
    keywords: Collection[str] = (),
    language: str = "zh",
    task: int | None = None,
    project: str = "",
    embargo_until: date | None = None,
) -> Dataset:
    """Register a data set of a unit's (``owner`` is its name) as a draft, with an identifier of its own.

    Raises `NotAllowed`; `Refused` where a term is not one of `terms`, or they do not go together.
    """
    require(actor, "data.register", [owner])
    facts = {
        "title_zh": title_zh.strip(), "title_en": title_en.strip(), "description": description.strip(),
        "publisher": publisher.strip(), "basis": basis, "grade": grade, "sensitivity": sensitivity, "access": access,
        "licence": licence.strip(), "keywords": _words(keywords), "language": language, "task": task,
        "project": project.strip(), "embargo_until": embargo_until,
    }  # fmt: skip
    check(facts)
    with transaction.atomic():
        return create(actor, owner, facts, "data.registered", {"what": "registered"})


def create(actor: Actor, owner: str, facts: dict[str, Any], kind: str, told: dict[str, Any]) -> Dataset:
    """Write a data set whose facts are checked, with evidence; raises `Refused` where there is no such owner."""
    unit = Unit.objects.filter(name=owner).first()
    if unit is None:
        raise Refused(Text(f"没有单位“{owner}”", f"there is no unit {owner!r}"))
    identifier = mint(settings.DATA_PREFIX)
    while Dataset.objects.filter(identifier=identifier).exists():
        identifier = mint(settings.DATA_PREFIX)
    evidence = append(actor, kind, identifier, {**told, "owner": owner, **_plain(facts)}).sequence
    made = Dataset.objects.create(
        identifier=identifier, owner=unit, registered_by=actor.name, evidence=evidence, **facts
    )
    finding.index(made)
    return made


def check(facts: dict[str, Any]) -> None:
    """Raise `Refused` for the first fact about a data set that can't be."""
    for name, kind in (("basis", Basis), ("grade", Grade), ("sensitivity", Sensitivity), ("access", Access)):
        if facts[name] not in set(kind):
            known = "、".join(kind)
            raise Refused(Text(f"{name}“{facts[name]}”应为 {known} 之一", f"{name} {facts[name]!r}: one of {known}"))
    if not facts["title_zh"]:
        raise Refused(Text("缺少中文名称", "a title in Chinese is missing"))
    if any("\x00" in one for one in [*(facts[name] for name in _LENGTHS), facts["description"], *facts["keywords"]]):
        raise Refused(Text("文字中有空字符", "a text holds a NUL"))
    for name, most in _LENGTHS.items():
        if len(facts[name]) > most:
            raise Refused(Text(f"{name} 超过 {most} 字", f"{name}: at most {most} characters"))
    if facts["task"] is not None and not 0 < facts["task"] < 10_000:
        raise Refused(Text(f"任务编号 {facts['task']} 不对", f"{facts['task']} is no number of a task"))
    if facts["access"] == Access.OPEN and (facts["grade"], facts["sensitivity"]) != (Grade.GENERAL, Sensitivity.NONE):
        raise Refused(
            Text(
                "重要、核心数据和个人信息不得无条件共享",
                "important or core data and personal information are never open",
            )
        )


def amend(actor: Actor, dataset: Dataset, why: str, **changes: Any) -> Dataset:
    """Change what a data set's description says; raises `NotAllowed`, `Refused`.

    Of one that was published, its owner may make grade, sensitivity, access and embargo stricter; to loosen them takes a
    reviewer. Files of what now holds personal information are sealed.
    """
    allowing = {
        "title_zh", "title_en", "description", "publisher", "basis", "grade", "sensitivity", "access", "licence",
        "keywords", "language", "task", "project", "embargo_until",
    }  # fmt: skip
    if unknown := sorted(set(changes) - allowing):
        raise Refused(Text(f"没有字段 {'、'.join(unknown)}", f"no such fields: {', '.join(unknown)}"))
    if "keywords" in changes:
        changes["keywords"] = _words(changes["keywords"])
    with transaction.atomic():
        dataset = _locked(dataset)
        changes = {name: value for name, value in changes.items() if getattr(dataset, name) != value}
        looser = dataset.published is not None and any(_loosens(dataset, *one) for one in changes.items())
        require(actor, "data.review" if looser else "data.deposit", None if looser else [dataset.owner.name])
        if dataset.source_catalogue or dataset.state not in (State.DRAFT, State.PUBLISHED):
            raise Refused(
                Text(
                    "审核中、已撤回或采集来的数据集不能修改", "what is in review, withdrawn or harvested is not changed"
                )
            )
        if not changes:
            return dataset
        check({name: getattr(dataset, name) for name in allowing} | changes)
        for name, value in changes.items():
            setattr(dataset, name, value)
        dataset.changed = timezone.now()
        dataset.save()
        finding.index(dataset)
        append(actor, "data.changed", dataset.identifier, {"what": "amended", "why": why, **_plain(changes)})
    if dataset.sensitivity != Sensitivity.NONE:
        _seal_all(dataset)
    return dataset


def _loosens(dataset: Dataset, name: str, value: Any) -> bool:
    if name == "embargo_until":
        return dataset.embargoed() and (value is None or value < dataset.embargo_until)
    order = _STRICTER.get(name)
    return bool(order) and order.index(value) < order.index(getattr(dataset, name)) if value in (order or ()) else False


def _seal_all(dataset: Dataset) -> None:
    """Seal the files of a data set that are plain. The plain bytes, named by nothing then, are swept with the next pass."""
    plain = Distribution.objects.filter(version__dataset=dataset, content__sealed=False).select_related("content")
    for one in plain:
        content = one.content
        assert content is not None
        token = secrets.token_urlsafe(24)
        with contents.open_content(content) as file, contents.incoming(token, content.bytes, sealed=True) as coming:
            try:
                while block := file.read(BLOCK):
                    coming.write(block)
                made = contents.keep(coming.finish(), sealed=True)
            finally:
                coming.discard()
        with transaction.atomic():
            Distribution.objects.filter(pk=one.pk).update(content=made)
            if not content.distributions.exists():
                content.delete()


def draft_of(actor: Actor, dataset: Dataset, note: str = "") -> Version:
    """Return the version of a data set that files are being deposited into, a new one if there is none.

    Raises `NotAllowed`; `Refused` where a version waits for its review, or the data set takes none.
    """
    require(actor, "data.deposit", [dataset.owner.name])
    with transaction.atomic():
        dataset = _locked(dataset)
        last = dataset.versions.order_by("-number").first()
        if dataset.state == State.WITHDRAWN or dataset.source_catalogue:
            raise Refused(
                Text("已撤回或采集来的数据集不再汇交", "nothing is deposited into what was withdrawn or harvested")
            )
        if last and last.state == State.REVIEW:
            raise Refused(Text(f"版本 {last.number} 正在审核", f"version {last.number} is in review"))
        if last and last.state == State.DRAFT:
            if note and note != last.note:
                last.note = note[:500]
                last.save()
            return last
        number = last.number + 1 if last else 1
        return Version.objects.create(
            dataset=dataset, number=number, note=note[:500], deposited_by=actor.name, people=[actor.name]
        )


def deposit(actor: Actor, dataset: Dataset, paths: Iterable[Path], note: str = "") -> Version:
    """Deposit files of this machine into a data set's draft; a file of the same name takes the earlier one's place.

    Killed, the same call goes on where it stopped. Raises `NotAllowed`, `Refused`; `BadInput` for what can't be read.
    """
    version = draft_of(actor, dataset, note)
    for path in paths:
        try:
            with path.open("rb") as file:
                _deposit_file(actor, version, path, file)
        except OSError as error:
            raise BadInput(
                path, expected=Text("可以读取的文件", "a file that can be read"), found=str(error)
            ) from error
    return version


def _deposit_file(actor: Actor, version: Version, path: Path, file: BinaryIO) -> None:
    length = path.stat().st_size
    # The same file, as far as one can tell without reading it: a deposit that was killed goes on with it.
    changed = path.stat().st_mtime_ns
    token = hashlib.sha256(f"{version.pk}\0{path.resolve()}\0{length}\0{changed}".encode()).hexdigest()[:40]
    upload = version.uploads.filter(token=token).first()
    if upload is not None and upload.distribution_id:
        if Distribution.objects.filter(pk=upload.distribution_id, name=path.name).exists():
            return
        upload = None
    if upload is None:
        upload = _begin(actor, version, token, path.name, length, "", "")
    with contents.incoming(token, length, sealed=upload.sealed) as coming:
        file.seek(coming.offset)
        while block := file.read(BLOCK):
            if coming.offset + len(block) > length:
                break
            coming.write(block)
        if coming.offset != length:
            coming.discard()
            raise BadInput(path, expected=Text("读取期间不变的文件", "a file that does not change meanwhile"))
        settle(actor, upload, coming)


def begin_upload(
    actor: Actor, dataset: Dataset, name: str, length: int, media_type: str = "", sha256: str = ""
) -> Upload:
    """Begin to take a file of ``length`` bytes into a data set's draft. Raises `NotAllowed`, `Refused`."""
    version = draft_of(actor, dataset)
    give_up_old_uploads()
    return _begin(actor, version, secrets.token_urlsafe(24), name, length, media_type, sha256)


def _begin(actor: Actor, version: Version, token: str, name: str, length: int, media_type: str, sha256: str) -> Upload:
    name = unicodedata.normalize("NFC", PurePath(name.replace("\\", "/")).name)
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise Refused(Text(f"文件名“{name}”不对", f"{name!r} is no name of a file"))
    if not 0 <= length <= LARGEST:
        raise Refused(Text(f"长度 {length} 不对", f"a length of {length}: 0 to {LARGEST} bytes"))
    if sha256 and not _SHA256.fullmatch(sha256):
        raise Refused(Text("SHA-256 应为 64 位十六进制", "a SHA-256 is 64 hexadecimal digits"))
    made, _ = Upload.objects.update_or_create(
        token=token,
        defaults={
            "version": version, "name": name, "media_type": media_type[:120] or media_type_of(name), "length": length,
            "sealed": version.dataset.sensitivity != Sensitivity.NONE, "sha256": sha256, "by": actor.name,
            "expires": timezone.now() + timedelta(days=UPLOAD_DAYS), "distribution": None,
        },
    )  # fmt: skip
    return made


def media_type_of(name: str) -> str:
    """Return the media type that a file's name tells."""
    suffix = PurePath(name).suffix.lower()
    return _MEDIA.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def upload_of(actor: Actor, token: str) -> Upload:
    """Return an upload that the actor may go on with; raises `NotAllowed`, and `LookupError` where there is none."""
    found = Upload.objects.select_related("version__dataset__owner").filter(token=token).first()
    if found is None:
        raise LookupError(token)
    require(actor, "data.deposit", [found.version.dataset.owner.name])
    return found


def settle(actor: Actor, upload: Upload, coming: Incoming) -> Distribution:
    """Make a whole upload a file of its version. Raises `NotAllowed`; `Refused` where it is not what its sender said."""
    version = upload.version
    require(actor, "data.deposit", [version.dataset.owner.name])
    arrived: Arrived = coming.finish()
    if upload.sha256 and upload.sha256 != arrived.sha256:
        coming.discard()
        upload.delete()
        raise Refused(
            Text(
                f"{upload.name} 的 SHA-256 是 {arrived.sha256}，不是所说的 {upload.sha256}；请重新上传",
                f"the SHA-256 of {upload.name} is {arrived.sha256}, not {upload.sha256} as was said; send it again",
            )
        )
    content = contents.keep(arrived, sealed=upload.sealed)
    with transaction.atomic():
        held = Version.objects.select_for_update().get(pk=version.pk)
        if held.state != State.DRAFT:
            raise Refused(Text(f"版本 {held.number} 已提交", f"version {held.number} was submitted"))
        made, _ = Distribution.objects.update_or_create(
            version=held,
            name=upload.name,
            defaults={
                "media_type": upload.media_type, "bytes": arrived.bytes, "sha256": arrived.sha256, "content": content,
            },
        )  # fmt: skip
        held.people = sorted({*held.people, upload.by, actor.name})
        held.save(update_fields=["people"])
        upload.distribution = made
        upload.save(update_fields=["distribution"])
    coming.discard()
    return made


def cancel_upload(actor: Actor, token: str) -> None:
    """Give up what has come in of an upload. Raises `NotAllowed`, `LookupError`, `staging.Busy`."""
    upload = upload_of(actor, token)
    with contents.incoming(token, upload.length, sealed=upload.sealed) as coming:
        coming.discard()
        upload.delete()


def give_up_old_uploads() -> int:
    """Give up the uploads that have rested too long; a part of other work, so it asks nobody."""
    old = list(Upload.objects.filter(expires__lt=timezone.now()))
    for one in old:
        contents.staged(one.token).unlink(missing_ok=True)
        one.delete()
    return len(old)


def remove_file(actor: Actor, distribution: Distribution) -> None:
    """Take a file out of a draft. Raises `NotAllowed`; `Refused` where its version was submitted."""
    version = distribution.version
    require(actor, "data.deposit", [version.dataset.owner.name])
    with transaction.atomic():
        if Version.objects.select_for_update().get(pk=version.pk).state != State.DRAFT:
            raise Refused(Text(f"版本 {version.number} 已提交", f"version {version.number} was submitted"))
        content = distribution.content
        distribution.delete()
        # The bytes are swept with the next fixity pass, once they are old.
        if content is not None and not content.distributions.exists():
            content.delete()


def submit(actor: Actor, version: Version) -> Version:
    """Hand a draft in for its review. Raises `NotAllowed`; `Refused` where it is none, or its description lacks something."""
    dataset = version.dataset
    require(actor, "data.deposit", [dataset.owner.name])
    with transaction.atomic():
        dataset, version = _locked(dataset), Version.objects.select_for_update().get(pk=version.pk)
        if version.state != State.DRAFT or dataset.state not in (State.DRAFT, State.PUBLISHED):
            raise Refused(Text(f"版本 {version.number} 不是草稿", f"version {version.number} is no draft"))
        files = list(version.distributions.all())
        if not files:
            raise Refused(Text("还没有文件", "there is no file yet"))
        if lacking := describing.lacking(dataset, version):
            zh = "；".join(one.zh for one in lacking)
            raise Refused(Text(f"元数据不完整：{zh}", f"the description lacks: {'; '.join(one.en for one in lacking)}"))
        manifest = "".join(f"{one.sha256}  {one.name}\n" for one in files)
        body = {
            "version": version.number, "files": len(files), "bytes": sum(one.bytes or 0 for one in files),
            "manifest": hashlib.sha256(manifest.encode()).hexdigest(), "note": version.note,
        }  # fmt: skip
        version.evidence = append(actor, "data.deposited", dataset.identifier, body).sequence
        version.state = State.REVIEW
        version.deposited, version.deposited_by = timezone.now(), actor.name
        version.people = sorted({*version.people, actor.name, dataset.registered_by})
        version.save()
        if dataset.state == State.DRAFT:
            dataset.state = State.REVIEW
            dataset.save()
    return version


def review(actor: Actor, version: Version, *, approved: bool, why: str = "") -> Version:
    """Publish a version that was handed in, or give it back as a draft; never one's own. Raises `NotAllowed`, `Refused`."""
    require(actor, "data.review")
    with transaction.atomic():
        dataset, version = _locked(version.dataset), Version.objects.select_for_update().get(pk=version.pk)
        if version.state != State.REVIEW:
            raise Refused(Text(f"版本 {version.number} 不在审核中", f"version {version.number} is not in review"))
        if actor.name in version.people:
            raise Refused(Text("汇交者不能审核自己汇交的数据", "whoever had a hand in a deposit does not review it"))
        if not approved and not why.strip():
            raise Refused(Text("退回须说明理由", "say why it is given back"))
        now = timezone.now()
        body = {"version": version.number, "approved": approved, "why": why, "deposited": version.evidence}
        version.evidence = append(actor, "data.reviewed", dataset.identifier, body).sequence
        version.state = State.PUBLISHED if approved else State.DRAFT
        version.reviewed, version.reviewed_by, version.review = now, actor.name, why[:1000]
        version.save()
        if approved:
            dataset.state, dataset.changed = State.PUBLISHED, now
            dataset.published = dataset.published or now
        elif dataset.state == State.REVIEW:
            dataset.state = State.DRAFT
        dataset.save()
    return version


def withdraw(actor: Actor, dataset: Dataset, why: str) -> Dataset:
    """Withdraw a published data set: its page says so and why, its bytes are had no longer. Raises `NotAllowed`, `Refused`."""
    require(actor, "data.deposit", [dataset.owner.name])
    if not why.strip():
        raise Refused(Text("请说明撤回理由", "say why it is withdrawn"))
    with transaction.atomic():
        dataset = _locked(dataset)
        if dataset.state != State.PUBLISHED:
            raise Refused(Text("只能撤回已发布的数据集", "only what was published is withdrawn"))
        dataset.state, dataset.changed, dataset.withdrawn_why = State.WITHDRAWN, timezone.now(), why.strip()[:500]
        append(actor, "data.changed", dataset.identifier, {"what": "withdrawn", "why": why})
        dataset.save()
    return dataset


def why_not(actor: Actor, distribution: Distribution) -> Text | None:
    """Return why an actor may not have a file's bytes, None where they may."""
    version, dataset = distribution.version, distribution.version.dataset
    if distribution.content_id is None:
        return Text("文件不在本站", "the file is not on this site")
    own = actor.unit != "" and actor.unit == dataset.owner.name and allowed(actor, "data.fetch", [actor.unit])
    if dataset.state == State.WITHDRAWN:
        return Text("数据集已撤回", "the data set was withdrawn")
    if own or (version.state == State.REVIEW and allowed(actor, "data.review")):
        return None
    if version.state != State.PUBLISHED:
        return Text("版本尚未发布", "the version is not published")
    if dataset.embargoed():
        day = dataset.embargo_until
        return Text(f"保护期至 {day}，期间不提供数据", f"under embargo until {day}: no data before")
    if dataset.access == Access.OPEN and allowed(actor, "data.read"):
        return None
    if allowed(actor, "data.fetch", []):  # the office and the auditor, whose unit is not asked
        return None
    return Text("非开放数据：须与提供方订立数据使用协议", "not open: it takes an agreement with its owner")


def fetch(actor: Actor, distribution: Distribution, *, tell: bool = True) -> BinaryIO:
    """Open a file for an actor, to be read from anywhere; that data that are not open were fetched is evidence.

    ``tell`` is False for the further parts of what was begun. Raises `NotAllowed` or `Refused`, as `why_not` says; `OSError`
    where the bytes are in neither place.
    """
    if why := why_not(actor, distribution):
        if actor.role is Role.PUBLIC:
            raise NotAllowed(actor, "data.fetch", [distribution.version.dataset.owner.name])
        raise Refused(why)
    assert distribution.content is not None
    file = contents.open_content(distribution.content)
    dataset = distribution.version.dataset
    if tell and dataset.access != Access.OPEN:
        body = {"version": distribution.version.number, "file": distribution.name, "sha256": distribution.sha256}
        append(actor, "data.fetched", dataset.identifier, body)
    return file


def _locked(dataset: Dataset) -> Dataset:
    return Dataset.objects.select_for_update(of=("self",)).select_related("owner").get(pk=dataset.pk)


def _words(keywords: Collection[str]) -> list[str]:
    return list(dict.fromkeys(word for one in keywords if (word := one.strip()[:60])))


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}
