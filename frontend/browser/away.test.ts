import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"
import { ask } from "./traffic"

const CONFIG = `
server: {require_token: true}
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  plain: [demo/echo]
`
const FIRST = "first-token-of-the-admin"
const SECOND = "second-token-of-the-admin"

describe.skipIf(missing)("a routerd that goes and comes back", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG, { ROUTERD_ADMIN_TOKEN: FIRST })
  })
  afterAll(() => routerd?.stop())

  async function open(path: string, before?: (page: Page) => Promise<void>): Promise<Page> {
    const page = await browser.page(routerd.url)
    await before?.(page)
    await page.goto(`${routerd.url}${path}#token=${FIRST}`)
    return page
  }

  test("is missed at once, and every page goes on by itself", async () => {
    const page = await open("/routes")
    await page.getByRole("link", { name: "plain", exact: true }).waitFor()
    await page.getByRole("link", { name: "Requests", exact: true }).click()
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor()
    const banner = page.getByText("routerd can't be reached.")

    await routerd.end()
    await banner.waitFor({ timeout: 5_000 })
    await page.getByRole("link", { name: "Routes", exact: true }).click()
    await page.getByRole("heading", { name: "Routes" }).waitFor()
    expect(await page.getByRole("link", { name: "plain" }).count()).toBe(0)

    await routerd.again({ ROUTERD_ADMIN_TOKEN: FIRST })
    await page.getByRole("link", { name: "plain", exact: true }).waitFor()
    await banner.waitFor({ state: "detached" })
    expectNoFaults()
  })

  test("may be another version, whose pages have other parts", async () => {
    const page = await open("/requests")
    await page.getByText("Nobody has asked for anything yet.").waitFor()
    await page.route(/assets\/RoutesPage-.*js/, (route) => route.fulfill({ status: 404 }), { times: 1 })
    await page.getByRole("link", { name: "Routes", exact: true }).click()
    await page.getByRole("link", { name: "plain", exact: true }).waitFor()
    expectNoFaults()
  })

  test("keeps what is being edited, though its token is another", async () => {
    const page = await open("/routes/plain")
    await page.getByLabel("Mode", { exact: true }).selectOption("multi")
    await page.getByText("There are changes that are not saved.").waitFor()

    await routerd.end()
    await routerd.again({ ROUTERD_ADMIN_TOKEN: SECOND })
    await page.getByRole("dialog").getByLabel("Admin token").fill(SECOND)
    await page.getByRole("button", { name: "Log in" }).click()
    await page.getByRole("dialog").waitFor({ state: "detached" })
    expect(await page.getByLabel("Mode", { exact: true }).inputValue()).toBe("multi")
    await page.getByRole("button", { name: "Save…" }).click()
    await page.getByRole("dialog").getByText("mode: multi").waitFor()
    expectNoFaults()
    await routerd.end()
    await routerd.again({ ROUTERD_ADMIN_TOKEN: FIRST })
  })

  test("is followed by the tabs that are seen: a browser has six connections for all of them", async () => {
    const asked: string[] = []
    const page = await open("/requests", async (page) => {
      await page.addInitScript(() => {
        const tab = window as unknown as { isHidden: boolean }
        tab.isHidden = true
        Object.defineProperty(document, "hidden", { get: () => tab.isHidden })
      })
      page.on("request", (request) => asked.push(new URL(request.url()).pathname))
    })
    const show = (isHidden: boolean) =>
      page.evaluate((isHidden) => {
        ;(window as unknown as { isHidden: boolean }).isHidden = isHidden
        document.dispatchEvent(new Event("visibilitychange"))
      }, isHidden)
    await page.getByText("Nobody has asked for anything yet.").waitFor()
    expect(asked).not.toContain("/api/events")

    await show(false)
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor()
    await show(true)
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor({ state: "detached" })
    await ask(routerd, "plain", { id: "unseen", token: FIRST })
    await show(false)
    await page.getByRole("link", { name: "Request unseen," }).waitFor()
    expectNoFaults()
  })
})
