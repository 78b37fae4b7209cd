"""What people do in a browser, in both languages, wide and narrow: real Chromium, real server, a site of its own."""

import json
import re
import shutil
import time

import pytest
from allauth.mfa.totp.internal.auth import hotp_value
from docx import Document
from openpyxl import Workbook, load_workbook
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import openid

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium is not installed (Debian: chromium-driver)")

PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。到2027年，智能工厂达到100家。（责任单位：经济和信息化厅，科技厅）
"""


class Console:
    """A browser at the console."""

    def __init__(self, address, driver, downloads):
        self.address, self.driver, self.downloads = address, driver, downloads

    def open(self, path):
        self.driver.get(self.address + path)
        return self

    @property
    def text(self):
        return self.driver.find_element(By.TAG_NAME, "main").text

    def fill(self, **values):
        for name, value in values.items():
            field = self.driver.find_element(By.NAME, name)
            field.send_keys(str(value))
        self.send(field)

    def send(self, field):
        """Send the form that a field is in, and wait for the page that answers."""
        self.follow(field.find_elements(By.XPATH, "./ancestor::form//button")[-1])

    def follow(self, element):
        """Click what leads to another page, and wait for that page: a click returns before the page changes."""
        self.driver.execute_script("window.left = true")
        element.click()
        script = "return window.left !== true && document.readyState === 'complete'"
        # Between two pages the driver has none to ask.
        waiting = WebDriverWait(self.driver, 60, ignored_exceptions=[WebDriverException])
        waiting.until(lambda driver: driver.execute_script(script))

    def downloaded(self, name):
        WebDriverWait(self.driver, 60).until(lambda _: (self.downloads / name).exists())
        return self.downloads / name

    def spills(self):
        """Whether the page is wider than the window."""
        return self.driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth")

    def from_outside(self):
        """What the page loaded from anywhere else."""
        script = "return performance.getEntriesByType('resource').map(one => one.name)"
        return [one for one in self.driver.execute_script(script) if not one.startswith((self.address, "data:"))]


@pytest.fixture
def served(site, tmp_path):
    (tmp_path / "plan.txt").write_text(PLAN, encoding="utf-8")
    site.run("plan", "load", tmp_path / "plan.txt")
    with site.serving() as address:
        yield address


@pytest.fixture
def provider(site, tmp_path, tmp_path_factory):
    """A real OpenID Connect provider that the site knows; ask for it before the console, and start it for its address."""
    made = openid.Provider(tmp_path_factory.getbasetemp() / "node")
    (tmp_path / "oidc.toml").write_text(made.settings(), encoding="utf-8")
    site.environment |= {"DUJIANG_OIDC": str(tmp_path / "oidc.toml"), "DUJIANG_OIDC_SECRET_SSO": openid.SECRET}
    yield made
    made.stop()


@pytest.fixture(params=["zh-CN", "en"])
def console(request, served, tmp_path):
    width = 1200 if request.param == "zh-CN" else 500
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--window-size={width},900",
        f"--user-data-dir={tmp_path / 'profile'}", f"--accept-lang={request.param}",
    ):  # fmt: skip
        options.add_argument(argument)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(downloads), "intl.accept_languages": request.param}
    )
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield Console(served, driver, downloads)
    driver.quit()


def added(site, login, role, *more):
    told = site.run("person", "add", login, "--role", role, "--name", "李某某", *more).stdout
    return re.search(r"：(\S+)\n", told)[1]


def test_a_lead_unit_reports_a_figure_and_is_refused_what_is_not_its_own(site, console, tmp_path):
    password = added(site, "li", "lead-unit", "--unit", "经济和信息化厅")
    console.open("/account/login/?next=/statistics/").fill(login="li", password="not this one")
    assert console.driver.find_elements(By.CSS_SELECTOR, ".errorlist")
    console.fill(password=password)
    assert console.driver.current_url.endswith("/statistics/")

    console.driver.find_element(By.PARTIAL_LINK_TEXT, {"z": "下载", "e": "Download"}[console_language(console)]).click()
    table = console.downloaded("statistics.xlsx")
    console.fill(table=filled(table, tmp_path / "别人的.xlsx", "普及率", 30))
    assert {"z": "无权", "e": "may not"}[console_language(console)] in console.text
    console.open("/statistics/").fill(table=filled(table, tmp_path / "我的.xlsx", "智能工厂", 41))
    assert "41" in console.text
    console.open("/")
    assert "41 家" in console.text
    for page in ("/", "/plan/", "/scenarios/", "/evidence/", "/statistics/", "/plan/tasks/1/", "/account/2fa/"):
        console.open(page)
        assert not console.spills(), page
        assert not console.from_outside(), page


def console_language(console):
    return console.driver.find_element(By.TAG_NAME, "html").get_attribute("lang")[0]


def filled(table, out, about, value):
    book = load_workbook(table)
    sheet = book.active
    columns = {str(cell.value): cell.column for cell in sheet[1]}
    for row in range(2, sheet.max_row + 1):
        if about in str([cell.value for cell in sheet[row]]):
            for name, entered in (("期间", "2026-06"), ("值", value), ("来源", "省统计公报"), ("责任人", "李某某")):
                column = next(place for title, place in columns.items() if name in title)
                sheet.cell(row, column).value = entered
    book.save(out)
    return out


def office_in(site, console):
    """Sign in as the office, setting the second factor up on the way."""
    password = added(site, "zhang", "office")
    console.open("/account/login/").fill(login="zhang", password=password)
    console.open("/evidence/")
    assert "/account/" in console.driver.current_url
    console.fill(password=password)
    secret = console.driver.find_element(By.CSS_SELECTOR, "input[disabled], input[readonly]").get_attribute("value")
    console.fill(code=f"{hotp_value(secret, int(time.time()) // 30):06d}")

    assert "/2fa/totp/" not in console.driver.current_url, console.text


def test_the_office_signs_in_with_two_factors_signs_off_and_exports(site, console):
    office_in(site, console)
    console.open("/dispatch/2026-10/").fill(text="请各单位按月报送。")
    read = console.driver.find_element(By.CSS_SELECTOR, "main input[type=checkbox]")
    read.click()
    console.send(read)
    assert {"z": "已签发", "e": "Signed off"}[console_language(console)] in console.text
    assert "请各单位按月报送。" in console.text
    console.driver.find_element(By.LINK_TEXT, "Word").click()
    document = Document(console.downloaded("dispatch-2026-10.docx"))
    assert "2026" in document.paragraphs[0].text
    assert len(document.tables) >= 3

    console.open("/evidence/").follow(console.driver.find_element(By.CSS_SELECTOR, "form[action$='verify/'] button"))
    assert {"z": "全部记录无误", "e": "Every record"}[console_language(console)] in console.text
    site.run("evidence", "verify", "--json", site.home / "v.json")
    assert json.loads((site.home / "v.json").read_text())["ok"]


def test_a_scenario_is_run_on_a_file(site, console, tmp_path):
    password = added(site, "li", "lead-unit", "--unit", "经济和信息化厅")
    page = "/scenarios/manufacturing/job-shop/"
    console.open(f"/account/login/?next={page}").fill(login="li", password=password)
    (tmp_path / "坏.txt").write_text("2 2\n0 x 1 2\n1 4 0 2\n")
    console.fill(file=tmp_path / "坏.txt")
    assert {"z": "第 2 行", "e": "row 2"}[console_language(console)] in awaited(console, "[role=alert]").text

    (tmp_path / "车间.txt").write_text("2 2\n0 3 1 2\n1 4 0 2\n")
    console.open(page).fill(file=tmp_path / "车间.txt")
    assert "machine" in awaited(console, "#trial table").text
    drawn = "return document.querySelector('#trial img').naturalWidth"
    WebDriverWait(console.driver, 60).until(lambda driver: driver.execute_script(drawn))
    assert not console.spills()
    assert not console.from_outside()
    console.driver.find_element(By.PARTIAL_LINK_TEXT, "result.csv").click()
    assert "machine" in console.downloaded("result.csv").read_text(encoding="utf-8-sig")


def awaited(console, selector):
    """What the page shows there once its script has brought it."""
    found = WebDriverWait(console.driver, 120).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, selector))
    return found[0]


def test_the_directory_of_scenarios_is_filtered_as_one_types(console):
    console.open("/scenarios/")
    before = len(console.driver.find_elements(By.CSS_SELECTOR, "#found tr"))
    console.driver.find_element(By.NAME, "q").send_keys("job-shop")
    WebDriverWait(console.driver, 60).until(
        lambda driver: len(driver.find_elements(By.CSS_SELECTOR, "#found tr")) == 1 < before
    )
    assert "manufacturing/job-shop" in console.text
    assert "q=job-shop" in console.driver.current_url


def test_a_person_signs_in_by_the_provider_and_out_of_it_again(site, provider, console):
    added(site, "li", "lead-unit", "--unit", "经济和信息化厅")
    site.run("person", "bind", "li", "--issuer", provider.issuer, "--subject", "subject-1")
    provider.start(console.address)

    def press():
        console.open("/account/login/?next=/statistics/")
        console.follow(console.driver.find_element(By.CSS_SELECTOR, "form[action*='/oidc/sso/'] button"))

    press()
    console.fill(account="subject-2")
    assert {"z": "推进办公室添加并绑定", "e": "added and bound by"}[console_language(console)] in console.text
    assert not console.spills()
    console.driver.delete_all_cookies()
    console.driver.get(provider.issuer)
    console.driver.delete_all_cookies()

    press()
    console.fill(account="subject-1")
    assert console.driver.current_url == f"{console.address}/statistics/"
    assert "李某某" in console.driver.find_element(By.TAG_NAME, "header").text
    console.open("/account/logout/").follow(console.driver.find_element(By.CSS_SELECTOR, "main form button"))
    assert console.driver.current_url.startswith(f"{provider.issuer}/session/end")
    console.follow(console.driver.find_element(By.CSS_SELECTOR, "button[value=yes]"))
    assert console.driver.current_url == f"{console.address}/"
    press()
    assert console.driver.find_elements(By.NAME, "account")


def enterprises(path, *rows):
    book = Workbook()
    for row in (("单位名称", "统一社会信用代码"), *rows):
        book.active.append(row)
    book.save(path)
    return path


def test_the_office_takes_a_table_of_enterprises_once_its_wrong_code_is_mended(site, console, tmp_path):
    def body():
        return console.driver.find_element(By.ID, "content").text

    def send(path):
        field = console.driver.find_element(By.CSS_SELECTOR, "input[name=import_file]")
        field.send_keys(str(path))
        console.follow(field.find_element(By.XPATH, "./ancestor::form//button[@type='submit']"))

    office_in(site, console)
    console.open("/").follow(console.driver.find_element(By.CSS_SELECTOR, "header a[href='/admin/']"))
    console.open("/admin/identity/unit/import/")
    send(enterprises(tmp_path / "企业.xlsx", ("甲公司", "915101075510000225"), ("乙公司", "91510700205401060A")))
    told = body()
    assert {"z": "第 3 行", "e": "row 3"}[console_language(console)] in told
    assert "credit_code" in told
    assert "91510700205401060A" in told
    console.open("/admin/identity/unit/?q=公司")
    assert "甲公司" not in body()

    console.open("/admin/identity/unit/import/")
    send(enterprises(tmp_path / "企业.xlsx", ("甲公司", "915101075510000225"), ("乙公司", "91510700205401060T")))
    assert "乙公司" in body()
    console.follow(console.driver.find_element(By.CSS_SELECTOR, "form[action*=process_import] button"))
    console.open("/admin/identity/unit/?q=乙公司").follow(console.driver.find_element(By.LINK_TEXT, "乙公司"))
    console.open(console.driver.current_url.removeprefix(console.address).replace("/change/", "/history/"))
    assert "企业.xlsx" in body()
    console.follow(console.driver.find_element(By.CSS_SELECTOR, "article a"))
    assert "unit:91510700205401060T" in console.text
    for page in (
        "/admin/",
        "/admin/identity/unit/",
        "/admin/identity/person/add/",
        "/admin/plan/item/",
        "/admin/evidence/record/",
    ):
        console.open(page)
        assert not console.spills(), page
        assert not console.from_outside(), page
    console.open("/admin/identity/unit/export/")
    assert len(list(load_workbook(console.downloaded("unit.xlsx")).active.rows)) == 5
