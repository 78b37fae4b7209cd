"""Items come straight from the data set that a project is about."""

import pytest

from annotating import LABELS, UNIT
from dujiang.data import actions as catalogue
from dujiang.data.annotation import actions, intake
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused


@pytest.fixture
def project(people, settings, tmp_path):
    """A project about a data set of its unit with a file of two comments."""
    settings.DATA_STORE, settings.DATA_BACKUP = str(tmp_path / "store"), ""
    made = catalogue.register(people["manager"], title_zh="评论", description="商品评论，由客服系统导出。", owner=UNIT, basis="collected",
                              sensitivity="personal", keywords=["评论"], licence="CC-BY-4.0")  # fmt: skip
    (tmp_path / "comments.csv").write_text("key,text\na,很好\nb,很差\n")
    version = catalogue.deposit(people["manager"], made, [tmp_path / "comments.csv"])
    catalogue.submit(people["manager"], version)
    catalogue.review(Actor("r", Role.REVIEWER), version, approved=True)
    return actions.open_project(
        people["manager"], "p", "评论", "choice", LABELS, unit=UNIT, dataset=made.identifier, gold_share=0
    )


def test_a_file_of_the_data_set_becomes_items_and_its_use_is_on_record(people, project):
    assert intake.add_from_dataset(people["manager"], project, "comments.csv") == 2
    assert sorted(project.items.values_list("key", "text")) == [("a", "很好"), ("b", "很差")]
    assert [one.kind for one in Record.objects.order_by("-sequence")[:2]] == ["annotation.items", "data.fetched"]


def test_whoever_may_not_or_names_no_file_of_it_is_refused(people, project):
    with pytest.raises(Refused, match=r"comments\.csv"):
        intake.add_from_dataset(people["manager"], project, "../comments.csv")
    with pytest.raises(NotAllowed):
        intake.add_from_dataset(people["anna"], project, "comments.csv")
    assert not project.items.exists()
