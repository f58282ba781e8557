import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"
import { ask } from "./traffic"

const CONFIG = `
defaults:
  health: {failure_threshold: 1, cooldown: 10m}
providers:
  broken: {adapter: echo, models: [echo], echo: {fail: 500}}
  demo: {adapter: echo, models: [echo]}
routes:
  drill: [broken/echo, demo/echo]
prices:
  demo/*: {input: 1000, output: 2000}
`

const chart = (page: Page, title: string) => page.getByRole("figure").filter({ has: page.getByRole("heading", { name: title }) })

describe.skipIf(missing)("the overview", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
  })
  afterAll(() => routerd?.stop())

  for (const [colorScheme, reducedMotion] of [["light", "no-preference"], ["dark", "reduce"]] as const) {
    test(`shows traffic as it comes, in the ${colorScheme}`, async () => {
      const page = await browser.page(routerd.url, { colorScheme, reducedMotion })
      await page.goto(routerd.url)
      const requests = chart(page, "Requests")
      await requests.locator("canvas").waitFor()
      const told = () => requests.getByRole("img").getAttribute("aria-label")
      const before = Number(/answered (\d+)/.exec((await told())!)![1])

      await ask(routerd, "drill", { stream: true })
      await ask(routerd, "drill")
      await page.waitForFunction(
        (count) => document.querySelector('[role="img"][aria-label^="Requests"]')?.getAttribute("aria-label")?.includes(`answered ${count},`),
        before + 2,
      )
      for (const title of ["Duration, latest", "Tokens", "Cost"]) await chart(page, title).locator("canvas").waitFor()
      expect(await chart(page, "Cost").getByRole("img").getAttribute("aria-label")).toMatch(/US dollars \$0\.\d+/)
      expect(await painted(page)).toBe(true)

      await requests.getByText("As a table").click()
      await requests.getByRole("rowheader").first().waitFor()
      await expectAccessible(page)
      expectNoFaults()
    })
  }

  test("says which target is next, and how providers are", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(routerd.url)
    const routes = page.getByRole("region", { name: "Routes" })
    await routes.getByText("demo/echo").waitFor() // the first one cools down
    await routes.getByText("1 target skipped").waitFor()
    await page.getByRole("region", { name: "Providers" }).getByRole("link", { name: "demo" }).waitFor()
    await page.getByRole("link", { name: "Generation 1" }).waitFor()
    expectNoFaults()
  })

  test("has other ranges, by the address", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(routerd.url)
    await page.getByText("7 days").click()
    await page.waitForURL("**/?range=7d")
    await page.reload()
    expect(await page.getByLabel("7 days").isChecked()).toBe(true)
    await chart(page, "Requests").locator("canvas").waitFor()
    expectNoFaults()
  })

  test("tells one route or provider from the others, by the address", async () => {
    await ask(routerd, "drill")
    const page = await browser.page(routerd.url)
    await page.goto(routerd.url)
    await page.getByLabel("Traffic of").selectOption("broken")
    await page.waitForURL("**/?of=provider/broken")
    await page.getByRole("img", { name: /^Requests: answered 0, errors [1-9]/ }).waitFor()
    expectNoFaults()
  })

  test("offers the first minutes while there is only the echo, until they are put away", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(routerd.url)
    const field = page.getByRole("textbox", { name: "API key" })
    await field.waitFor()
    await page.getByRole("button", { name: "Put the first minutes away" }).click()
    await field.waitFor({ state: "detached" })
    await page.reload()
    await chart(page, "Requests").locator("canvas").waitFor()
    expect(await field.count()).toBe(0)
    expectNoFaults()
  })

  test("has a banner while the file is not what serves", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(routerd.url)
    await page.getByRole("link", { name: "Generation 1" }).waitFor()
    const good = await routerd.text()
    await routerd.save(good.replace("demo/echo]", "demoo/echo]"))
    const banner = page.getByRole("alert")
    await banner.getByText("The file on disk is not what serves.").waitFor()
    await banner.getByText(/router\.yaml:8:\d+/).waitFor()
    await expectAccessible(page)
    await routerd.save(good)
    await banner.waitFor({ state: "detached" })
    expectNoFaults()
  })

  test("begins with the first minutes when there is no provider", async () => {
    const empty = await Routerd.start("providers: {}\n")
    try {
      const page = await browser.page(empty.url)
      await page.goto(empty.url)
      await page.getByRole("textbox", { name: "API key" }).waitFor()
      await page.getByRole("radio", { name: "1 hour" }).waitFor({ state: "detached" })
      expectNoFaults()
    } finally {
      await empty.stop()
    }
  })
})

/** Whether the first chart has any colour of a bar. */
function painted(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const canvas = document.querySelector("canvas")!
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height)
    for (let at = 0; at < data.length; at += 4) if (data[at + 3]! > 200 && data[at + 2]! - data[at]! > 60) return true
    return false
  })
}
