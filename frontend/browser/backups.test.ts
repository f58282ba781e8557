import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

const CONFIG = `# Kept.
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  llm-auto-route: [demo/echo]
`

describe.skipIf(missing)("the backups page", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
  })
  afterAll(() => routerd?.stop())

  test("a backup is written, and a document restored after its lines were shown", async () => {
    const page = await browser.page(routerd.url, { colorScheme: "dark" })
    await page.goto(`${routerd.url}/backups`)
    await page.getByRole("button", { name: "Back up now" }).click()
    await page.getByText("is written: 1 provider, 1 route.").waitFor()
    await page.getByRole("button", { name: "Restore config_backup.json" }).click()
    await page.getByRole("dialog").getByText("No line changes.").waitFor()
    await page.getByRole("button", { name: "Cancel" }).click()

    await page.getByLabel("Restore a document").setInputFiles({ name: "note.json", mimeType: "application/json", buffer: Buffer.from("{}") })
    await page.getByText("This is no backup").waitFor()
    const document = { providers: [{ name: "demo", adapter: "echo", models: ["echo"] }], routes: [] }
    await page.getByLabel("Restore a document").setInputFiles({ name: "mine.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(document)) })
    await page.getByRole("dialog", { name: "Restore mine.json" }).getByText("-  llm-auto-route: [demo/echo]").waitFor()
    await expectAccessible(page)
    expect(await routerd.text()).toBe(CONFIG)
    await page.getByRole("button", { name: "Restore", exact: true }).click()
    await page.getByText(/^Restored: .* What was there before is kept as /).waitFor()
    expect(await routerd.text()).toBe(CONFIG.replace("routes:\n  llm-auto-route: [demo/echo]\n", "routes: {}\n"))
    expectNoFaults()
  })
})
