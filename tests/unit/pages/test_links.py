"""Links between the pages lead somewhere, and every page is linked."""

import pytest
import yaml

from tests.unit.pages.markdown import BY_PATH, PAGES, PROJECT, Page

DOCS = PROJECT / "docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Page) -> None:
    broken = []
    for link in page.links():
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path
        if not target.exists() or (anchor and anchor not in BY_PATH[target].anchors()):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.path.parents], ids=lambda page: page.name)
def test_pages_of_the_site_link_to_nothing_outside_of_it(page: Page) -> None:
    local = [link.partition("#")[0] for link in page.links() if "://" not in link]
    assert all(DOCS in (page.path.parent / link).resolve().parents for link in local if link)


def test_every_page_is_in_the_site_s_menu() -> None:
    text = (PROJECT / "mkdocs.yml").read_text(encoding="utf-8")
    menu = yaml.safe_load(text[text.index("nav:") :])["nav"]
    listed = {page for part in menu for page in ([part] if isinstance(part, str) else next(iter(part.values())))}
    assert listed == {str(page.path.relative_to(DOCS)) for page in PAGES if DOCS in page.path.parents}


def test_every_page_is_found_from_the_readme() -> None:
    found, todo = set(), [PROJECT / "README.md"]
    while todo:
        page = BY_PATH[todo.pop()]
        found.add(page.path)
        targets = ((page.path.parent / link.partition("#")[0]).resolve() for link in page.links() if "://" not in link)
        todo += [target for target in targets if target in BY_PATH and target not in found]
    assert {*BY_PATH} - found == {DOCS / "README.md"}, "the site's own first page has the README's list"


def test_the_readme_is_short() -> None:
    readme = BY_PATH[PROJECT / "README.md"].text
    assert len(readme.splitlines()) <= 150
    assert len(readme.encode()) <= 9 * 1024


def test_the_site_s_first_page_asks_the_readme_s_questions() -> None:
    def questions(page: Page) -> list[str]:
        return [row.split("|")[1] for row in page.text.splitlines() if row.startswith("| ") and "](" in row]

    assert questions(BY_PATH[DOCS / "README.md"]) == questions(BY_PATH[PROJECT / "README.md"])
