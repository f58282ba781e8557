import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { pagePaths } from "../src/paths"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

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
})
