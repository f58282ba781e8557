import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

const CONFIG = `# Everybody says who they are.
server: {require_token: true}
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  llm-auto-route: [demo/echo]
`

describe.skipIf(missing)("the status page", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
  })
  afterAll(() => routerd?.stop())

  test("it is there for whoever has the token, until they log out", async () => {
    const token = (await readFile(join(routerd.folder, ".routerd/admin-token"), "utf8")).trim()
    const page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/settings#token=${token}`)
    await page.getByText("This tab has a token.").waitFor()
    expect(page.url()).not.toContain(token)
    await page.getByText(join(routerd.folder, "router.yaml")).waitFor()
    await expectAccessible(page)

    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "OpenAPI document" }).click()])
    expect(JSON.parse(await readFile(await saved.path(), "utf8")).openapi).toMatch(/^3\.1/)

    await page.getByRole("button", { name: "Log out" }).click()
    await page.getByRole("dialog", { name: "Who are you?" }).waitFor()
    expect(await page.getByText(join(routerd.folder, "router.yaml")).count()).toBe(0)
    expectNoFaults()
  })
})
