import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"
import { ask } from "./traffic"

const CONFIG = `
defaults:
  health: {failure_threshold: 50}
providers:
  broken: {adapter: echo, models: [echo], echo: {fail: 500}}
  demo: {adapter: echo, models: [echo]}
routes:
  drill: [broken/echo, demo/echo]
  plain: [demo/echo]
  dead: [broken/echo]
`

const rows = (page: Page) => page.getByRole("table").locator("tbody tr")
const row = (page: Page, id: string) => rows(page).filter({ has: page.getByRole("link", { name: `Request ${id},` }) })

describe.skipIf(missing)("requests", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
  })
  afterAll(() => routerd?.stop())

  async function open(path: string, colorScheme: "light" | "dark" = "light"): Promise<Page> {
    const page = await browser.page(routerd.url, { colorScheme })
    await page.goto(routerd.url + path)
    return page
  }

  test("come in by themselves, wait while paused, and have the last word of the ledger", async () => {
    const page = await open("/requests")
    await page.getByText("Nobody has asked for anything yet.").waitFor()
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor()

    await ask(routerd, "plain", { id: "first" })
    await row(page, "first").getByText("200").waitFor()
    await ask(routerd, "drill", { id: "second", stream: true })
    await row(page, "second").getByText("demo/echo").waitFor()
    await rows(page).first().getByText("drill").waitFor()
    await row(page, "second").getByText("2", { exact: true }).waitFor() // one row, two attempts
    expect(await row(page, "second").count()).toBe(1)
    await ask(routerd, "dead", { id: "third" })
    await row(page, "third").getByText("The provider failed").waitFor()

    await page.getByRole("button", { name: "Pause" }).click()
    await ask(routerd, "plain", { id: "fourth" })
    await page.getByText("Paused · 1 new").waitFor()
    expect(await row(page, "fourth").count()).toBe(0)
    await page.getByRole("button", { name: "Go on" }).click()
    await row(page, "fourth").waitFor()
    await expectAccessible(page)
    expectNoFaults()
  })

  test("are filtered by the address", async () => {
    const page = await open("/requests?route=plain")
    await row(page, "first").waitFor()
    expect(await row(page, "second").count()).toBe(0)

    await page.getByLabel("Route").selectOption("")
    await row(page, "second").waitFor()
    await page.getByLabel("Status").selectOption("error")
    await page.waitForURL("**/requests?status=error")
    await row(page, "first").waitFor({ state: "detached" })
    expect(await rows(page).count()).toBe(1)

    await ask(routerd, "plain", { id: "fifth" })
    await ask(routerd, "dead", { id: "sixth" })
    await row(page, "sixth").waitFor()
    expect(await row(page, "fifth").count()).toBe(0)

    await page.getByLabel("Provider").selectOption("demo")
    await page.getByText("No request fits.").waitFor()
    await page.getByRole("button", { name: "Show all" }).click()
    await row(page, "fifth").waitFor()
    expect(new URL(page.url()).search).toBe("")
    expectNoFaults()
  })

  test("are there page by page", async () => {
    for (let at = 0; at < 55; at++) await ask(routerd, "plain", { id: `many-${at}` })
    const page = await open("/requests?route=plain")
    await row(page, "many-54").waitFor()
    expect(await rows(page).count()).toBe(50)
    await page.getByRole("link", { name: "Older" }).click()
    await row(page, "many-4").waitFor()
    expect(await row(page, "many-5").count()).toBe(0)
    await page.getByRole("link", { name: "Newest" }).click()
    await row(page, "many-54").waitFor()
    expectNoFaults()
  })

  test("show every attempt after a failover", async () => {
    const page = await open("/requests?route=drill", "dark")
    await page.getByRole("link", { name: "Request second," }).click()
    await page.waitForURL("**/requests/second")
    const attempts = page.getByRole("region", { name: "Attempts" }).getByRole("listitem")
    await attempts.first().waitFor()
    expect(await attempts.count()).toBe(2)
    await attempts.nth(0).getByText("The provider failed").waitFor()
    await attempts.nth(0).getByText("500", { exact: true }).waitFor()
    await attempts.nth(1).getByText("200", { exact: true }).waitFor()
    await attempts.nth(1).getByText("First token").waitFor()
    expect(await attempts.nth(0).getByRole("link", { name: "broken" }).getAttribute("href")).toBe("/providers/broken")
    expect(await page.getByRole("link", { name: "drill" }).getAttribute("href")).toBe("/routes/drill")
    await expectAccessible(page)
    expectNoFaults()
  })

  test("say why they were refused, and when there is none", async () => {
    await ask(routerd, "nothing-of-that-name", { id: "refused" })
    const page = await open("/requests/refused")
    await page.getByText("Unknown model").first().waitFor()
    await page.getByText("Ask for the name of a route").waitFor()
    await expectAccessible(page)

    await page.goto(`${routerd.url}/requests/later`)
    await page.getByText("The ledger has no such request.").waitFor()
    await ask(routerd, "plain", { id: "later" })
    await page.getByRole("region", { name: "Attempts" }).waitFor() // it comes by itself
    expectNoFaults()
  })
})
