import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

const TOKEN = "a-token-that-is-long-enough-for-this"
const CONFIG = `
server: {require_token: true}
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  plain: [demo/echo]
`

const dialog = (page: Page) => page.getByRole("dialog", { name: "Who are you?" })

async function enter(page: Page, token: string): Promise<void> {
  await dialog(page).getByLabel("Admin token").fill(token)
  await Promise.all([page.waitForEvent("load"), dialog(page).getByRole("button", { name: "Log in" }).click()])
}

describe.skipIf(missing)("the admin token", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG, { ROUTERD_ADMIN_TOKEN: TOKEN })
  })
  afterAll(() => routerd?.stop())

  test("is asked for, refused when it is wrong, and kept until one logs out", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/routes`)
    await dialog(page).waitFor()
    await expectAccessible(page)
    expect(await page.getByRole("link", { name: "plain" }).count()).toBe(0)

    await enter(page, "not-this-one")
    await dialog(page).getByText("routerd does not take the token").waitFor()

    await enter(page, ` ${TOKEN} `) // as it is pasted
    await page.getByRole("link", { name: "plain" }).first().waitFor()
    expect(await dialog(page).count()).toBe(0)

    await page.goto(`${routerd.url}/settings`)
    await page.getByRole("button", { name: "Log out" }).click()
    await dialog(page).waitFor()
    expect(await page.evaluate(() => Object.values(sessionStorage))).not.toContain(TOKEN)
    expectNoFaults()
  })

  test("comes with the link that `routerd login` prints, and does not stay in the address", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/#token=${TOKEN}`)
    await page.getByRole("region", { name: "Routes" }).getByRole("link", { name: "plain" }).waitFor()
    expect(await dialog(page).count()).toBe(0)
    expect(page.url()).toBe(`${routerd.url}/`)
    await page.getByRole("link", { name: "Requests" }).click()
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor() // the events take it, too
    expectNoFaults()
  })

  test("is asked for by the page of the API as well, which then calls with it", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/docs`)
    const field = page.getByLabel("Admin token")
    await field.waitFor()
    expect(await page.getByRole("alert").textContent()).toBe("")
    await expectAccessible(page)

    await field.fill("not-this-one")
    await page.getByRole("button", { name: "Log in" }).click()
    await page.getByRole("alert").getByText(/token/i).waitFor()

    await field.fill(` ${TOKEN} `)
    await page.getByRole("button", { name: "Log in" }).click()
    await page.getByText("/api/status", { exact: true }).click()
    expect(await field.isVisible()).toBe(false)
    await page.getByRole("button", { name: "Try it out" }).click()
    const [answer] = await Promise.all([page.waitForResponse(`${routerd.url}/api/status`), page.getByRole("button", { name: "Execute" }).click()])
    expect(answer.status()).toBe(200)
    expectNoFaults()
  })

  test("goes along from the pages to that of the API", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/settings#token=${TOKEN}`)
    const link = page.getByRole("link", { name: "The API, to try out" })
    const [opened] = await Promise.all([page.waitForEvent("popup"), link.click()])
    await opened.getByText("/api/status", { exact: true }).waitFor()
    expect(await opened.getByLabel("Admin token").isVisible()).toBe(false)
    expectNoFaults()
  })

  test("is taken from a link that is opened where the page is already", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/`)
    await dialog(page).waitFor()
    await page.goto(`${routerd.url}/#token=${TOKEN}`)
    await page.getByRole("region", { name: "Routes" }).getByRole("link", { name: "plain" }).waitFor()
    expect(page.url()).toBe(`${routerd.url}/`)
    expectNoFaults()
  })
})
