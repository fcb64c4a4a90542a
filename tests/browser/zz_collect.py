import os, sys, traceback
from tests.browser.test_every_way import *
from tests.browser.test_every_way import WALKS, READERS
from tests.browser.conftest import *
import pytest
PICK = os.environ.get("PICK","en-360").split(",")
@pytest.mark.parametrize("where", PICK)
@pytest.mark.parametrize("name", os.environ.get("WALK",",".join(WALKS)).split(","))
def test_collect(browser, served, name, where):
    lang, width = where.split("-"); width=int(width)
    seen = visit(browser, served, width=width, script=True)
    bad=[]; n=0
    try:
        for page in WALKS[name][0](seen, served, lang):
            n+=1
            try: seen.check(page)
            except AssertionError as e:
                bad.append((page, str(e)[:1500]+str(traceback.extract_tb(e.__traceback__)[-1].line)))
                seen.page.screenshot(path=f"/tmp/shots/{name}-{page.replace(' ','_').replace(',','')}-{where}.png", full_page=True)
            if os.environ.get("SHOTS"): seen.page.screenshot(path=f"/tmp/shots/all-{name}-{n:02}-{page.replace(' ','_').replace(',','').replace(chr(39),'')}-{where}.png", full_page=True)
    except Exception as e:
        bad.append(("BROKE after %d at %s: %s"%(n, seen.page.url, page), str(e)[:600]))
        seen.page.screenshot(path=f"/tmp/shots/{name}-broke-{where}.png", full_page=True)
    with open("/tmp/shots/report.txt","a") as f:
        f.write(f"== {name} {where} pages={n}\n")
        for b in bad: f.write(f"  {b}\n")
    seen.page.context.close()
if os.environ.get("NOAXE"):
    from tests.browser import visits
    visits.AXE = "window.axe = {run: async () => ({violations: []})}"
