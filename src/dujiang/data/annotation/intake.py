"""What people put into annotation projects: items from files and data sets, known answers, what models say first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from django.conf import settings

from dujiang.data import contents
from dujiang.data.actions import fetch
from dujiang.data.annotation import formats, prelabel
from dujiang.data.annotation.actions import batched, units, working_on
from dujiang.data.annotation.labels import Annotated, Kind, checked, to_json
from dujiang.data.annotation.models import Item, Project
from dujiang.data.annotation.pictures import pictures
from dujiang.data.annotation.values import synthetic_json
from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import BadInput, Refused, Text
from dujiang.model import Client, NoAnswer, OverBudget, service

PRELABEL_TOKENS = 2_000_000
"""Tokens that one run of pre-labelling may use."""
_ROWS = 2000
_IN = 900
"""Values of one look-up; older SQLite takes no more parameters."""


class Uses:
    """What a file's items are taken as: to be labelled; known answers to mix in; or accepted before, elsewhere."""

    TASKS = "tasks"
    GOLD = "gold"
    ACCEPTED = "accepted"
    ALL = (TASKS, GOLD, ACCEPTED)


def add_items(actor: Actor, project: Project, path: Path, *, use: str = Uses.TASKS, archive: Path | None = None) -> int:
    """Take in a file's items, all or none, and return how many; images come in a zip, by the names that the file has.

    A zip alone is a file of images. For ``use`` see `Uses`: an item's accepted answer is what makes it known or
    accepted; otherwise only what a model said is kept. Raises `NotAllowed`, `Refused`, and `BadInput`.
    """
    require(actor, "annotation.manage", units(project))
    if use not in Uses.ALL:
        raise Refused(Text("用途应为 tasks、gold 或 accepted", "the use should be tasks, gold or accepted"))
    kind = project.of
    alone = kind is Kind.BOXES and path.suffix.lower() == ".zip"
    stored = dict(_stored(path if alone else archive)) if alone or archive else {}
    if alone:
        found = [Annotated(name, image=name, width=one[1], height=one[2]) for name, one in stored.items()]
        if not found:
            raise BadInput(path, expected=Text("至少一张图像", "at least one image"))
    else:
        found = formats.read(path, kind)
    items = [_item(project, path, one, use, stored) for one in found]
    with working_on(project):
        for some in batched([one.key for one in items], _IN):
            if taken := project.items.filter(key__in=some).values_list("key", flat=True).first():
                expected = Text("项目中尚无的编号", "a key that the project doesn't have")
                raise BadInput(path, field="key", expected=expected, found=taken)
        for position, one in enumerate(items, start=project.tail + 1):
            one.position = position
        project.tail += len(items)
        project.save(update_fields=["tail"])
        Item.objects.bulk_create(items, batch_size=_ROWS)
        body = {
            "use": use,
            "items": len(items),
            "synthetic": sum(one.synthetic is not None for one in items),
            "predicted": sum(one.prediction is not None for one in items),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        append(actor, "annotation.items", project.code, body)
    return len(items)


def add_from_dataset(actor: Actor, project: Project, name: str, *, use: str = Uses.TASKS) -> int:
    """Take in the items of a file of the data set that the project is about, of its latest published version.

    Raises `NotAllowed`; `Refused` where the project is about none, there is no such file or the actor may not have it;
    and `BadInput` as `add_items`.
    """
    require(actor, "annotation.manage", units(project))
    latest = project.dataset.latest if project.dataset else None
    files = {one.name: one for one in latest.distributions.all()} if latest else {}
    if name not in files:
        known = "、".join(files) or "—"
        raise Refused(
            Text(f"项目的数据集没有文件 {name}；现有：{known}", f"the project's data set has no file {name}: {known}")
        )
    fetch(actor, files[name]).close()
    with contents.under_its_name(files[name]) as path:
        return add_items(actor, project, path, use=use)


def _item(project: Project, path: Path, found: Annotated, use: str, stored: dict[str, tuple[str, int, int]]) -> Item:
    kind, synthetic = project.of, synthetic_json(found.synthetic) if found.synthetic else None
    place = f"[{found.key}]"
    if len(found.key) > 200 or "\x00" in found.key + found.text:
        raise BadInput(
            path,
            row=place,
            field="key",
            expected=Text("至多 200 字的编号与无 NUL 的文本", "a key of 200 characters at most, a text without NUL"),
        )
    digest = ""
    if kind is Kind.BOXES:
        names = (found.image, PurePosixPath(found.image).name)
        image = next((stored[name] for name in names if name in stored), None)
        if image is None:
            raise BadInput(
                path,
                row=place,
                field="image",
                expected=Text("压缩包中有此图像", "this image in the zip"),
                found=found.image,
            )
        digest, *size = image
        if [found.width, found.height] not in ([0, 0], size):
            raise BadInput(
                path, row=place, field="width, height", expected=Text(f"图像的尺寸 {size}", f"the image's size {size}"),
                found=f"[{found.width}, {found.height}]",
            )  # fmt: skip
        found = replace(found, width=size[0], height=size[1])

    def checked_answer(value: Any) -> Any:
        try:
            return to_json(checked(kind, to_json(value), project.labels, found))
        except Refused as error:
            raise BadInput(
                path, row=place, field="answer", expected=error.text, found=str(to_json(value))[:200]
            ) from error

    answer = None if found.answer is None or use == Uses.TASKS else checked_answer(found.answer)
    if answer is None and use != Uses.TASKS:
        raise BadInput(path, row=place, field="answer", expected=Text("已知的答案", "the known answer"))
    said = found.prediction
    prediction = (
        None if said is None else {"answer": checked_answer(said.answer), "model": said.model, "score": said.score}
    )
    return Item(
        project=project, key=found.key, text=found.text, image=found.image[:255], image_digest=digest,
        width=found.width, height=found.height, synthetic=synthetic, prediction=prediction, answer=answer,
        gold=use == Uses.GOLD, slots=project.overlap if use == Uses.TASKS else 0,
        state=Item.State.ACCEPTED if use == Uses.ACCEPTED else Item.State.OPEN,
    )  # fmt: skip


def _stored(path: Path | None) -> Iterator[tuple[str, tuple[str, int, int]]]:
    """Keep a zip's images, and yield (name, (digest, width, height)) of each; what nothing refers to does no harm."""
    for one in pictures(path) if path else ():
        digest = hashlib.sha256(one.content).hexdigest()
        place = image_path(digest)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_suffix(".partial")
            partial.write_bytes(one.content)
            partial.replace(place)
        yield one.name, (digest, one.width, one.height)


def image_path(digest: str) -> Path:
    """Return where an image lies."""
    return Path(settings.HOME) / "annotation" / digest[:2] / digest


def add_predictions(actor: Actor, project: Project, path: Path, model: str = "") -> tuple[int, int]:
    """Take what a model said from a file, by items' keys; returns how many were taken, and how many keys aren't there.

    An item's prediction counts, else its accepted answer; ``model`` names the model where the file doesn't. Items that
    somebody has answered already keep what they were shown. Raises `NotAllowed`, `Refused`, `BadInput`.
    """
    require(actor, "annotation.manage", units(project))
    found = {one.key: one for one in formats.read(path, project.of)}
    taken = 0
    with working_on(project):
        known = set()
        for some in batched(found, _IN):
            changed = []
            for item in project.items.filter(key__in=some):
                known.add(item.key)
                one = found[item.key]
                answer = one.prediction.answer if one.prediction else one.answer
                if answer is None or item.given:
                    continue
                try:
                    value = to_json(checked(project.of, to_json(answer), project.labels, item.content))
                except Refused as error:
                    raise BadInput(path, row=f"[{item.key}]", field="prediction", expected=error.text) from error
                by = (one.prediction.model if one.prediction else "") or model
                item.prediction = {
                    "answer": value,
                    "model": by,
                    "score": one.prediction.score if one.prediction else None,
                }
                changed.append(item)
            Item.objects.bulk_update(changed, ["prediction"], batch_size=200)
            taken += len(changed)
        body = {"use": "predictions", "items": taken, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        append(actor, "annotation.items", project.code, body)
    return taken, len(found) - len(known)


class Prelabelled(NamedTuple):
    """What a run of pre-labelling did: items labelled, and those whose answer was of no use; tokens, cost in fen."""

    labelled: int
    useless: int
    tokens: int
    cost: int
    model: str


def prelabel_items(actor: Actor, project: Project, most: int = 100) -> Prelabelled:
    """Ask the site's chat model for first labels of up to ``most`` items that nobody has been given yet.

    Raises `NotAllowed`, and `Refused` without a model or guideline, for boxes, and where the service doesn't answer at
    all. What was labelled before a service or budget gave out is kept.
    """
    require(actor, "annotation.manage", units(project))
    where, guideline = service(), project.guideline
    if where is None or not where.chat:
        raise Refused(
            Text("本站未配置对话模型（DUJIANG_MODEL_URL）", "this site names no chat model (DUJIANG_MODEL_URL)")
        )
    if project.of is Kind.BOXES:
        raise Refused(
            Text("对话模型只看文本；图像请导入预测文件", "a chat model sees text only; import predictions for images")
        )
    if guideline is None:
        raise Refused(Text("请先发布标注规范", "publish a guideline first"))
    waiting = project.items.filter(prediction=None, given=0, state=Item.State.OPEN).order_by("position")[:most]
    client = Client(where, "chat", PRELABEL_TOKENS)
    useless, stopped = 0, None
    made: dict[int, dict[str, Any]] = {}
    for item in waiting:
        asked = prelabel.messages(project.of, guideline.text, project.labels, item.text[: prelabel.LONGEST])
        try:
            said = client.chat(asked, prelabel.MOST)
        except (NoAnswer, OverBudget) as error:
            stopped = error
            break
        found = prelabel.answer(project.of, project.labels, item.text, said)
        if found is None:
            useless += 1
            continue
        digest = f"sha256:{hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()}"
        made[item.pk] = {
            "answer": to_json(found),
            "model": where.chat,
            "prompt_digest": digest,
            "guideline": guideline.version,
        }
    if stopped and not client.used.requests:
        raise Refused(Text(f"模型服务未作答：{stopped}", f"the model service didn't answer: {stopped}")) from stopped
    # Whoever pays pays whole fen.
    cost = -int(-100 * (client.used.cost or 0) // 1)
    with working_on(project):
        changed = []
        for some in batched(made, _IN):
            for item in project.items.filter(pk__in=some, given=0):
                item.prediction = made[item.pk]
                changed.append(item)
        Item.objects.bulk_update(changed, ["prediction"], batch_size=200)
        project.model_cost += cost
        project.save(update_fields=["model_cost"])
        tokens = client.used.input_tokens + client.used.output_tokens
        body = {
            "use": "pre-labels", "items": len(changed), "useless": useless, "model": where.chat, "tokens": tokens,
            "cost": cost, "guideline": guideline.version,
        }  # fmt: skip
        append(actor, "annotation.items", project.code, body)
    return Prelabelled(len(changed), useless, tokens, cost, where.chat)
