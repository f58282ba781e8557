import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { pagePaths } from "../src/paths"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"
import { ask } from "./traffic"

const CONFIG = `# A comment that stays.
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  llm-auto-route: [demo/echo]
`

describe.skipIf(missing)("every page", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
  })
  afterAll(() => routerd?.stop())

  for (const theme of ["light", "dark"] as const) {
    for (const path of pagePaths) {
      test(`${path} in the ${theme} is there for everybody`, async () => {
        const page = await browser.page(routerd.url, { colorScheme: theme })
        await page.goto(routerd.url + path, { waitUntil: "load" })
        await page.locator("h1").first().waitFor()
        await page.waitForLoadState("load")
        await expectAccessible(page)
        await page.setViewportSize({ width: 360, height: 740 })
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        expect(overflow).toBeLessThanOrEqual(0)
        expectNoFaults()
        await page.close()
      })
    }
  }

  test("while nobody asks for anything, nothing is said of durations and prices", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(routerd.url)
    await page.getByText("none in this time").nth(1).waitFor()
    expect(await page.getByText("no price is known").count()).toBe(0)
    await page.close()
  })

  test("long names break, and make no page wider", async () => {
    const [long, longer] = ["a-name-of-many-words-and-of-more-than-forty-letters", "x".repeat(64)]
    await routerd.save(`${CONFIG}  ${long}: [demo/echo]\n  ${longer}: [${longer}/echo]\n`.replace("  demo:", `  ${longer}: {adapter: echo, models: [echo]}\n  demo:`))
    await expect.poll(() => ask(routerd, long).then(() => ask(routerd, longer)).catch(() => null)).toBeTruthy()
    const page = await browser.page(routerd.url)
    for (const [width, path] of [[1280, "/providers"], [390, "/"], [390, `/providers/${longer}`], [390, `/routes/${longer}`]] as const) {
      await page.setViewportSize({ width, height: 740 })
      await page.goto(routerd.url + path)
      await page.getByText(longer).first().waitFor({ state: "attached" })
      await page.getByText("Loading…").first().waitFor({ state: "detached" })
      const wide = await page.evaluate(() => {
        const heads = [...document.querySelectorAll("h1, .page-head > *, .picture li, .list .table-box > table")]
        return heads.filter((each) => each.getBoundingClientRect().right > innerWidth).map((each) => `${each.tagName} ${each.textContent.trim().slice(0, 40)}`)
      })
      expect([path, wide]).toEqual([path, []])
    }
    expectNoFaults()
  })
})
