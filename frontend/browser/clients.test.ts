import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

const CONFIG = `# Who may call is said here.
providers:
  demo: {adapter: echo, models: [echo]}
routes:
  llm-auto-route: [demo/echo]
  other: [demo/echo]
`

describe.skipIf(missing)("the clients page", () => {
  let routerd: Routerd
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
  })
  afterAll(() => routerd?.stop())

  async function call(key: string, model: string): Promise<number> {
    const answer = await fetch(`${routerd.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello." }] }),
    })
    await answer.body?.cancel()
    return answer.status
  }

  test("a client is added, its key told once and good for its routes alone, then revoked and deleted", async () => {
    const page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/clients`)
    await page.getByText("No client yet").waitFor()

    await page.getByRole("button", { name: "Add a client…" }).click()
    await page.getByLabel("Name").fill("42")
    await page.getByLabel("Only these").check()
    await page.getByRole("checkbox", { name: "llm-auto-route" }).check()
    await page.getByRole("button", { name: "Add…" }).click()
    await page.getByText("A name is not digits only.").waitFor()
    await expectAccessible(page)
    await page.getByLabel("Name").fill("cline")
    await page.getByRole("button", { name: "Add…" }).click()
    await page.getByRole("dialog", { name: "Add cline" }).getByText(/^\+ {2}cline: /).waitFor()
    expect(await routerd.text()).toBe(CONFIG)
    await page.getByRole("button", { name: "Save to router.yaml" }).click()

    const told = page.getByRole("dialog", { name: "The key of cline" })
    const key = await told.getByLabel("Key", { exact: true }).innerText()
    await told.getByText("calls without a key").waitFor() // what follows for everybody else
    await told.getByRole("tab", { name: "Codex" }).click()
    await told.getByText(`export ROUTERD_KEY=${key}`).waitFor()
    await expectAccessible(page)
    await page.mouse.click(4, 4) // beside it: nobody loses a key by that
    expect(await told.isVisible()).toBe(true)
    await told.getByRole("button", { name: "I have it" }).click()
    await page.getByText("active", { exact: true }).waitFor()
    expect(await page.content()).not.toContain(key)
    expect(await routerd.text()).toMatch(/ {2}cline: \{key_sha256: [0-9a-f]{64}, routes: \[llm-auto-route\]\}\n$/)
    expect(await routerd.text()).not.toContain(key)
    expect([await call(key, "llm-auto-route"), await call(key, "other"), await call("wrong", "llm-auto-route")]).toEqual([200, 403, 401])

    await page.getByRole("button", { name: "Revoke cline" }).click()
    await page.getByText("nobody may call /v1").waitFor()
    await page.getByRole("button", { name: "Save to router.yaml" }).click()
    await page.getByText("revoked", { exact: true }).waitFor()
    expect(await call(key, "llm-auto-route")).toBe(401)

    await page.getByRole("button", { name: "Delete cline" }).click()
    await page.getByText("nobody may call /v1").waitFor()
    await page.getByRole("button", { name: "Save to router.yaml" }).click()
    await page.getByText("No client yet").waitFor()
    expect(await routerd.text()).toBe(`${CONFIG}clients: {}\n`)
    expectNoFaults()
  })

  test("settings of programs follow the route that is chosen", async () => {
    const page = await browser.page(routerd.url, { colorScheme: "dark", permissions: ["clipboard-read", "clipboard-write"] })
    await page.goto(`${routerd.url}/clients`)
    await page.getByLabel("Route", { exact: true }).selectOption("other")
    await page.getByRole("tab", { name: "Claude Code" }).click()
    await page.getByRole("tabpanel", { name: "Claude Code" }).getByRole("button", { name: "Copy" }).click()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    expect(copied).toContain(`export ANTHROPIC_BASE_URL=${routerd.url}\n`)
    expect(copied).toContain("export ANTHROPIC_MODEL=other\n")
    await expectAccessible(page)
    expectNoFaults()
  })
})
