"""Depositing, reviewing, publishing and reading: what each state lets whom do."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from dujiang.data import actions, contents
from dujiang.data.models import Content, Dataset, Distribution, Upload, Version
from dujiang.data.terms import State
from dujiang.evidence.models import Record
from dujiang.identity.permission import PUBLIC, Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.LEAD_UNIT, "省地震局")
OTHER = Actor("zhao", Role.LEAD_UNIT, "科技厅")
WANG = Actor("wang", Role.REVIEWER)


def files(tmp_path, **named):
    found = []
    for name, content in named.items():
        path = tmp_path / f"{name}.csv"
        path.write_bytes(content)
        found.append(path)
    return found


def stored(places):
    return sorted(path for path in Path(places.DATA_STORE).rglob("*") if path.is_file())


def read(actor, one):
    with actions.fetch(actor, one) as file:
        return file.read()


def test_from_files_to_a_published_version(registered, tmp_path, places):
    made = registered()
    version = actions.deposit(LI, made, files(tmp_path, a=b"1", b=b"2" * 100))
    assert (version.number, version.state) == (1, State.DRAFT)
    one, two = version.distributions.all()
    assert (one.name, one.bytes, one.sha256) == ("a.csv", 1, hashlib.sha256(b"1").hexdigest())
    assert one.media_type == "text/csv"
    assert two.key == two.sha256
    assert {path.read_bytes() for path in stored(places)} == {b"1", b"2" * 100}
    assert (Path(places.DATA_BACKUP) / one.key[:2] / one.key).read_bytes() == b"1"
    with pytest.raises(Refused, match="不在审核中"):
        actions.review(WANG, version, approved=True)
    actions.submit(LI, version)
    made.refresh_from_db()
    assert made.state == State.REVIEW
    for actor in (LI, Actor("li", Role.REVIEWER), OTHER):
        with pytest.raises((NotAllowed, Refused)):
            actions.review(actor, version, approved=True)
    actions.review(WANG, version, approved=True)
    made.refresh_from_db()
    version.refresh_from_db()
    assert (made.state, version.state, version.reviewed_by) == (State.PUBLISHED, State.PUBLISHED, "wang")
    kinds = list(Record.objects.order_by("sequence").values_list("kind", flat=True))
    assert kinds == ["data.registered", "data.deposited", "data.reviewed"]
    body = Record.objects.get(kind="data.deposited").body
    manifest = f"{one.sha256}  a.csv\n{two.sha256}  b.csv\n"
    assert hashlib.sha256(manifest.encode()).hexdigest() in str(body)


def test_a_deposit_that_is_given_back_is_a_draft_again(registered, tmp_path):
    made = registered()
    version = actions.submit(LI, actions.deposit(LI, made, files(tmp_path, a=b"1")))
    with pytest.raises(Refused, match="正在审核"):
        actions.deposit(LI, made, files(tmp_path, b=b"1"))
    with pytest.raises(Refused, match="理由"):
        actions.review(WANG, version, approved=False)
    actions.review(WANG, version, approved=False, why="缺少说明")
    made.refresh_from_db()
    assert made.state == State.DRAFT
    again = actions.deposit(LI, made, files(tmp_path, b=b"2"))
    assert again.pk == version.pk
    assert again.distributions.count() == 2


def test_a_further_version_leaves_what_was_published(published, tmp_path):
    made = published()
    version = actions.submit(LI, actions.deposit(LI, made, files(tmp_path, c=b"3"), note="新增"))
    made.refresh_from_db()
    assert (version.number, made.state, made.latest.number) == (2, State.PUBLISHED, 1)
    actions.review(WANG, version, approved=True)
    assert made.latest.number == 2
    with pytest.raises(Refused, match="已提交"):
        actions.remove_file(LI, version.distributions.get())


def test_what_the_description_lacks_is_told_when_it_is_handed_in(registered, tmp_path):
    made = registered(description="", keywords=[], access="open", licence="")
    version = actions.deposit(LI, made, files(tmp_path, a=b"1"))
    with pytest.raises(Refused) as told:
        actions.submit(LI, version)
    for lacking in ("缺少说明", "至少一个关键词", "应写明许可", "a description", "names its licence"):
        assert lacking in str(told.value)
    actions.amend(LI, made, "补", description="足够长的一段说明文字。", keywords=["地震"], licence="CC-BY-4.0")
    version.refresh_from_db()
    assert actions.submit(LI, Version.objects.get(pk=version.pk)).state == State.REVIEW


def test_without_files_nothing_is_handed_in(registered):
    made = registered()
    with pytest.raises(Refused, match="没有文件"):
        actions.submit(LI, actions.draft_of(LI, made))


def test_the_same_bytes_are_kept_once(registered, tmp_path):
    version = actions.deposit(LI, registered(), files(tmp_path, a=b"same", b=b"same"))
    assert Content.objects.count() == 1
    assert version.distributions.count() == 2
    actions.remove_file(LI, version.distributions.first())
    assert Content.objects.count() == 1
    actions.remove_file(LI, version.distributions.first())
    assert not Content.objects.exists()


def test_a_file_of_the_same_name_takes_the_earlier_ones_place(registered, tmp_path):
    made = registered()
    actions.deposit(LI, made, files(tmp_path, a=b"old"))
    version = actions.deposit(LI, made, files(tmp_path, a=b"newer"))
    assert read(LI, version.distributions.get()) == b"newer"


@pytest.mark.parametrize("sensitivity", ["personal", "sensitive-personal"])
def test_personal_data_lie_sealed_in_both_places(registered, tmp_path, places, sensitivity):
    secret = "110101199003070000,张某某\n".encode() * 10_000
    version = actions.deposit(LI, registered(sensitivity=sensitivity), files(tmp_path, a=secret))
    one = version.distributions.get()
    assert one.content.sealed
    assert one.sha256 == hashlib.sha256(secret).hexdigest() != one.key
    for place in (places.DATA_STORE, places.DATA_BACKUP):
        kept = (Path(place) / one.key[:2] / one.key).read_bytes()
        assert "张某某".encode() not in kept
        assert hashlib.sha256(kept).hexdigest() == one.key
    assert read(LI, one) == secret
    with contents.as_path(one) as path:
        assert path.read_bytes() == secret
    assert not path.exists()


def test_what_turns_out_to_be_personal_is_sealed_then(published, places):
    made = published("张某某".encode() * 1000)
    plain = made.latest.distributions.get().key
    actions.amend(LI, made, "含个人信息", sensitivity="personal")
    one = made.latest.distributions.get()
    assert one.content.sealed
    assert one.key != plain
    assert not Content.objects.filter(key=plain).exists()
    assert read(LI, one) == "张某某".encode() * 1000


def test_the_owner_makes_it_stricter_and_only_a_reviewer_looser(published):
    made = published(grade="important")
    with pytest.raises(NotAllowed):
        actions.amend(LI, made, "", grade="general")
    actions.amend(LI, made, "", grade="core")
    actions.amend(WANG, made, "核定", grade="important")
    made.refresh_from_db()
    assert made.grade == "important"
    with pytest.raises(Refused, match="不得无条件共享"):
        actions.amend(WANG, made, "", access="open")
    with pytest.raises(NotAllowed):
        actions.amend(OTHER, made, "", title_zh="别的")
    tomorrow = timezone.localdate() + timedelta(days=1)
    actions.amend(LI, made, "", embargo_until=tomorrow)
    with pytest.raises(NotAllowed):
        actions.amend(LI, made, "", embargo_until=None)


ALL = [OFFICE, LI, OTHER, WANG, Actor("a", Role.AUDITOR), PUBLIC]


@pytest.mark.parametrize(
    ("access", "embargo_days", "may"),
    [
        ("open", None, ALL),
        ("restricted", None, [OFFICE, LI, Actor("a", Role.AUDITOR)]),
        ("closed", None, [OFFICE, LI, Actor("a", Role.AUDITOR)]),
        ("open", 1, [LI]),
        ("open", 0, ALL),
    ],
)
def test_who_may_have_the_bytes(published, access, embargo_days, may):
    until = {} if embargo_days is None else {"embargo_until": timezone.localdate() + timedelta(days=embargo_days)}
    one = published(access=access, **until).latest.distributions.get()
    for actor in ALL:
        if actor in may:
            assert read(actor, one) == b"a,b\n1,2\n"
        else:
            with pytest.raises((NotAllowed, Refused)):
                actions.fetch(actor, one)
    told = Record.objects.filter(kind="data.fetched").count()
    assert told == (0 if access == "open" else len(may))


def test_a_key_that_does_not_allow_it_reads_nothing(published):
    one = published().latest.distributions.get()
    narrow = Actor("li", Role.LEAD_UNIT, "省地震局", only=frozenset({"plan.read"}))
    with pytest.raises(Refused):
        actions.fetch(narrow, one)


def test_a_draft_is_read_by_its_owner_and_one_in_review_by_reviewers(registered, tmp_path):
    version = actions.deposit(LI, registered(access="open"), files(tmp_path, a=b"1"))
    one = version.distributions.get()
    assert actions.why_not(LI, one) is None
    assert actions.why_not(OTHER, one)
    assert actions.why_not(WANG, one)
    actions.submit(LI, version)
    assert actions.why_not(WANG, Distribution.objects.get()) is None
    assert actions.why_not(PUBLIC, Distribution.objects.get())


def test_what_was_withdrawn_is_had_by_nobody(published):
    made = published(access="open")
    with pytest.raises(Refused, match="理由"):
        actions.withdraw(LI, made, " ")
    actions.withdraw(LI, made, "数据有误")
    one = Distribution.objects.get()
    assert all(actions.why_not(actor, one) for actor in ALL)
    with pytest.raises(Refused):
        actions.deposit(LI, made, [])
    assert list(Dataset.objects.seen_by(PUBLIC)) == [made]


def test_who_sees_what(published, registered):
    done, draft = published(), registered()
    assert list(Dataset.objects.seen_by(PUBLIC)) == [done]
    assert list(Dataset.objects.seen_by(OTHER)) == [done]
    assert set(Dataset.objects.seen_by(LI)) == set(Dataset.objects.seen_by(OFFICE)) == {done, draft}


def test_bad_files_are_refused_and_leave_nothing(registered, tmp_path, places):
    made = registered()
    with pytest.raises(BadInput, match="可以读取"):
        actions.deposit(LI, made, [tmp_path / "none.csv"])
    for name in ("", "..", "a\nb", "x" * 300):
        with pytest.raises(Refused):
            actions.begin_upload(LI, made, name, 1)
    for length in (-1, actions.LARGEST + 1):
        with pytest.raises(Refused):
            actions.begin_upload(LI, made, "a", length)
    with pytest.raises(Refused, match="64"):
        actions.begin_upload(LI, made, "a", 1, sha256="abc")
    assert actions.begin_upload(LI, made, "../../etc/passwd", 1).name == "passwd"
    assert stored(places) == []


def test_a_file_that_is_not_what_its_sender_said_never_becomes_one(registered, places):
    upload = actions.begin_upload(LI, registered(), "a.bin", 3, sha256=hashlib.sha256(b"abc").hexdigest())
    with contents.incoming(upload.token, 3, sealed=False) as coming:
        coming.write(b"abd")
        with pytest.raises(Refused, match="不是所说的"):
            actions.settle(LI, upload, coming)
    assert stored(places) == []
    assert not Upload.objects.exists()
    assert not Distribution.objects.exists()


def test_uploads_that_rest_too_long_are_given_up(registered):
    made = registered()
    upload = actions.begin_upload(LI, made, "a", 10)
    with contents.incoming(upload.token, 10, sealed=False) as coming:
        coming.write(b"abc")
        coming.flush()
    Upload.objects.update(expires=timezone.now() - timedelta(seconds=1))
    actions.begin_upload(LI, made, "b", 10)
    assert not contents.staged(upload.token).exists()
    assert list(Upload.objects.values_list("name", flat=True)) == ["b"]


def test_a_deposit_that_is_killed_goes_on_where_it_stopped(registered, tmp_path, monkeypatch):
    made, [path] = registered(sensitivity="personal"), files(tmp_path, big=os.urandom(3 << 20))
    monkeypatch.setattr(actions, "BLOCK", 1 << 18)

    class Killed(BaseException):
        """As sudden as a signal: no clearing up is told of it that a killed process would not do."""

    def dies(self, block, write=actions.Incoming.write):
        if self.offset > 1 << 20:
            raise Killed
        write(self, block)

    with monkeypatch.context() as patched:
        patched.setattr(actions.Incoming, "write", dies)
        with pytest.raises(Killed):
            actions.deposit(LI, made, [path])
    [upload] = Upload.objects.all()
    there = contents.staged(upload.token).stat().st_size
    assert there > 1 << 20
    assert not Distribution.objects.exists()
    seeks = []

    class Watched(Path().__class__):
        def open(self, *arguments):
            file = super().open(*arguments)
            inner = file.seek
            return _Seeks(file, lambda at: (seeks.append(at), inner(at)))

    version = actions.deposit(LI, made, [Watched(path)])
    assert seeks[0] >= 1 << 20
    assert read(LI, version.distributions.get()) == path.read_bytes()


class _Seeks:
    def __init__(self, file, seek):
        self._file, self.seek = file, seek

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
