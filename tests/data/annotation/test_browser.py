"""Labelling by keyboard alone in real Chromium: a class, spans and boxes, on a wide window and on a narrow one."""

import io
import json
import os
import shutil
import zipfile

import pytest
from PIL import Image, ImageDraw
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from annotating import table

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium is not installed (Debian: chromium-driver)")
UNIT = "某标注公司"
TEXT = "😀张三 works at 成都大学，in Chengdu."
SET_UP = f"""
import json, sys
from pathlib import Path
from dujiang.data.annotation import actions, intake
from dujiang.identity.actions import add_enterprise, add_person
from dujiang.identity.permission import Role, at_the_terminal
me, folder = at_the_terminal(), Path(sys.argv[1])
add_enterprise(me, {UNIT!r}, "91510700205401060T")
passwords = {{who: add_person(me, who, who, Role.ENTERPRISE, {UNIT!r})[1] for who in ("anna", "bell")}}
for code, kind, labels, file in (
    ("c", "choice", ["正面", "负面", "中性"], "texts.jsonl"),
    ("s", "spans", ["人名", "机构"], "texts.jsonl"),
    ("b", "boxes", ["车", "人"], "图像.zip"),
):
    project = actions.open_project(me, code, "示例 " + kind, kind, labels, unit={UNIT!r}, overlap=2, gold_share=0)
    actions.publish_guideline(me, project, "按规范标注。")
    for who in passwords:
        actions.add_member(me, project, who)
    intake.add_items(me, project, folder / file)
print(json.dumps(passwords))
"""
ANSWERS = """
import json
from dujiang.data.annotation.models import Assignment
rows = Assignment.objects.exclude(answer=None).order_by("pk").values_list("member__person__username", "project__code", "answer")
print(json.dumps(list(rows)))
"""


@pytest.fixture
def served(site, tmp_path):
    table(tmp_path, [TEXT])
    (tmp_path / "items.jsonl").rename(tmp_path / "texts.jsonl")
    picture, out = Image.new("RGB", (400, 300), "#cde"), io.BytesIO()
    ImageDraw.Draw(picture).rectangle((150, 120, 250, 200), fill="#357")
    picture.save(out, "PNG")
    with zipfile.ZipFile(tmp_path / "图像.zip", "w") as archive:
        archive.writestr("路口.png", out.getvalue())
    made = site.python(SET_UP, str(tmp_path))
    told, errors = made.communicate(timeout=120)
    assert made.returncode == 0, errors
    with site.serving() as address:
        yield address, json.loads(told)


def looked_at(driver, name):
    """Keep what was seen where somebody wants to look at it, and say that nothing spills or comes from outside."""
    if folder := os.environ.get("DUJIANG_TEST_PICTURES"):
        driver.save_screenshot(f"{folder}/{name}.png")
    assert not driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth"), name
    loaded = driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    assert all(one.startswith(("http://127.0.0.1:", "data:")) for one in loaded)


def test_everything_is_labelled_by_keyboard(site, served, tmp_path):
    address, passwords = served
    made = {
        who: labelled(address, who, passwords[who], tmp_path / who, language, width)
        for who, language, width in (("anna", "zh-CN", 1200), ("bell", "en", 500))
    }
    told, errors = site.python(ANSWERS).communicate(timeout=120)
    answers = {(who, code): answer for who, code, answer in json.loads(told or errors)}
    for who in passwords:
        assert answers[who, "c"] == "负面"
        assert [(TEXT[one["start"] : one["end"]], one["label"]) for one in answers[who, "s"]] == [
            ("张三", "人名"),
            ("成都大学", "机构"),
        ], made[who]
        assert answers[who, "b"] == [
            {"x": 138, "y": 111.5, "width": 106, "height": 81, "label": "车"},
            {"x": 157.5, "y": 120, "width": 100, "height": 75, "label": "人"},
        ]


def labelled(address, who, password, profile, language, width):
    """Label all there is for somebody, by keyboard alone; returns the spans that the page said it had made."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--window-size={width},900",
        f"--user-data-dir={profile}", f"--accept-lang={language}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    waiting = WebDriverWait(driver, 60, ignored_exceptions=[WebDriverException])

    def press(*keys, **held):
        """Press keys one after another; ``Shift`` and what else is held goes down around them."""
        chain = ActionChains(driver)
        for name in held:
            chain.key_down(getattr(Keys, name.upper()))
        for key in keys:
            chain.send_keys(key)
        for name in held:
            chain.key_up(getattr(Keys, name.upper()))
        chain.perform()

    def sent():
        driver.execute_script("window.left = true")
        press(Keys.ENTER)
        waiting.until(
            lambda page: page.execute_script("return window.left !== true && document.readyState === 'complete'")
        )

    try:
        driver.get(f"{address}/account/login/?next=/annotation/c/label/")
        driver.find_element(By.NAME, "login").send_keys(who)
        driver.find_element(By.NAME, "password").send_keys(password)
        sent()
        looked_at(driver, f"choice-{language}")
        press("1", Keys.ARROW_DOWN)
        sent()

        driver.get(f"{address}/annotation/s/label/")
        press(Keys.ARROW_RIGHT)
        press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, shift=True)
        press("1")
        # To the university by words, then over it by characters.
        press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, control=True)
        press(Keys.ARROW_RIGHT)
        press(*[Keys.ARROW_RIGHT] * 4, shift=True)
        press("1")
        press("[", "2")
        press(Keys.END)
        press(Keys.ARROW_LEFT, shift=True)
        press("2", "[", Keys.DELETE)
        looked_at(driver, f"spans-{language}")
        made = [one.text for one in driver.find_elements(By.CSS_SELECTOR, "#made li")]
        sent()

        driver.get(f"{address}/annotation/b/label/")
        drawn = "return document.querySelector('#item img').naturalWidth"
        waiting.until(lambda page: page.execute_script(drawn) == 400)
        press("1")
        press(*[Keys.ARROW_LEFT] * 2)
        press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, shift=True)
        press(Keys.ARROW_UP, alt=True)
        press(Keys.ESCAPE, "2", "1", "2")
        looked_at(driver, f"boxes-{language}")
        sent()
        looked_at(driver, f"nothing-left-{language}")
        driver.get(f"{address}/annotation/b/")
        looked_at(driver, f"project-{language}")
        driver.get(f"{address}/annotation/")
        looked_at(driver, f"projects-{language}")
    finally:
        driver.quit()
    return made
