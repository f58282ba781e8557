import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Locator, Page } from "playwright-core"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"
import { Upstream } from "./upstream"

const CONFIG = `# Ours.
providers:
  demo: {adapter: echo, models: [echo]}   # for drills
routes:
  smart:
    nodes:
      - demo/echo
`

/** router.yaml with what differs from run to run put as words. */
function plain(text: string, upstream: Upstream): string {
  return text.replaceAll(upstream.url, "URL").replace(/age1[0-9a-z]{58}/, "RECIPIENT").replace(/age:[A-Za-z0-9+/=]{100,}/, "SEALED")
}

/** Save what the dialog shows, once it shows it; what it showed. */
async function confirm(page: Page, button: string): Promise<string[]> {
  const dialog = page.getByRole("dialog")
  const diff = await dialog.getByLabel("Changes of router.yaml").innerText()
  await dialog.getByRole("button", { name: button }).click()
  await dialog.waitFor({ state: "hidden" })
  return diff.split("\n").filter((line) => /^[+-]/.test(line))
}

describe.skipIf(missing).sequential("providers", () => {
  let upstream: Upstream
  let routerd: Routerd
  let page: Page
  const browser = useBrowser()
  const row = (name: string): Locator => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) })

  beforeAll(async () => {
    upstream = await Upstream.start(["fable-1", "fable-2", "text-embedding-1"])
    routerd = await Routerd.start(CONFIG)
    page = await browser.page(routerd.url)
    await page.goto(`${routerd.url}/providers`, { waitUntil: "load" })
  })
  afterEach(() => expectNoFaults())
  afterAll(async () => {
    await routerd?.stop()
    await upstream?.stop()
  })

  test("one is tried before it is added, and its models are picked from its own list", async () => {
    await page.getByRole("link", { name: "Add a provider" }).click()
    await page.getByLabel("Name", { exact: true }).fill("story")
    await page.getByLabel("Base URL").fill(upstream.url)
    await page.getByLabel("API key").fill("sk-story-0123456789")
    await page.getByRole("button", { name: "Test now" }).click()
    await page.getByText("status 200").waitFor()
    await page.getByRole("button", { name: "Discover models" }).click()
    await page.getByLabel("fable-1", { exact: true }).check()
    await page.getByLabel("fable-2", { exact: true }).check()
    await expectAccessible(page)
    await page.getByRole("button", { name: "Add…" }).click()
    const diff = await confirm(page, "Add to router.yaml")
    expect(diff.map((line) => plain(line, upstream))).toEqual(["+recipients:", "+  - age1… (made when it is saved)", "+  story:", "+    base_url: URL", "+    api_key: age:… (sealed when it is saved)", "+    models: [fable-1, fable-2]"])
    await page.getByRole("heading", { name: "story", level: 1 }).waitFor()
    expect(plain(await routerd.text(), upstream)).toContain("  story:\n    base_url: URL\n    api_key: SEALED\n    models: [fable-1, fable-2]\n")
    expect(upstream.asked.every((request) => request.key === "sk-story-0123456789")).toBe(true)
  })

  test("an edit changes what it says, and no other line", async () => {
    await page.getByText("sealed in router.yaml").waitFor()
    await page.getByText("Advanced").click()
    await page.getByLabel("Requests at one time").fill("20")
    await page.getByLabel("Remove fable-2").click()
    await page.getByRole("button", { name: "Save…" }).click()
    const before = plain(await routerd.text(), upstream)
    await confirm(page, "Save to router.yaml")
    await page.getByText("As in router.yaml.").waitFor()
    const after = plain(await routerd.text(), upstream)
    expect(after).toBe(before.replace("models: [fable-1, fable-2]\n", "models: [fable-1]\n    max_in_flight: 20\n"))
  })

  test("a key that would go elsewhere is asked for again; what is refused says where", async () => {
    await page.getByLabel("Base URL").fill("https://elsewhere.example/v1")
    await page.getByText("The key was given for another address").waitFor()
    await page.getByRole("link", { name: "Clients" }).click()
    await page.getByRole("dialog", { name: "Leave without saving?" }).getByRole("button", { name: "Stay here" }).click()
    await page.getByRole("button", { name: "Discard" }).click()
    await page.getByLabel("Requests at one time").fill("many")
    await page.getByRole("button", { name: "Save…" }).click()
    await page.getByRole("dialog").getByText("must be a whole number").waitFor()
    expect(await page.getByRole("button", { name: "Save to router.yaml" }).isDisabled()).toBe(true)
    await page.getByRole("button", { name: "Cancel" }).click()
    await page.getByRole("button", { name: "Discard" }).click()
  })

  test("tests and what a person says of its health are told to the list as they happen", async () => {
    const other = await browser.page(routerd.url, { colorScheme: "dark" })
    await other.goto(`${routerd.url}/providers`, { waitUntil: "load" })
    const there = other.getByRole("row").filter({ hasText: "story" })
    await there.getByText("not tested").or(there.getByText("online")).waitFor()
    await page.getByRole("button", { name: "Deep test" }).click()
    await page.getByText("online").first().waitFor()
    await there.getByText("online").waitFor()
    await page.getByText(/^\d+(\.\d+)? m?s$/).first().waitFor()
    await page.getByRole("button", { name: "Stand it down" }).click()
    await there.getByText("skipped").waitFor()
    await expectAccessible(other)
    await page.getByRole("button", { name: "It is well again" }).click()
    await there.getByText("skipped").waitFor({ state: "hidden" })
    await other.close()
  })

  test("a vendor that is known needs no more than its name", async () => {
    await page.goto(`${routerd.url}/providers/new`, { waitUntil: "load" })
    await page.getByLabel("Vendor").selectOption("anthropic")
    expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("anthropic")
    expect(await page.getByLabel("Base URL").getAttribute("placeholder")).toBe("https://api.anthropic.com")
    await page.getByLabel("Refer to one").check()
    expect(await page.getByLabel("Reference").inputValue()).toBe("env:ANTHROPIC_API_KEY")
    await page.getByText("A reference is tested once it is saved.").waitFor()
    await page.getByRole("button", { name: "Add…" }).click()
    expect(await confirm(page, "Add to router.yaml")).toEqual(["+  anthropic: {api_key: env:ANTHROPIC_API_KEY}"])
    await page.getByRole("alert").filter({ hasText: "ANTHROPIC_API_KEY is not set" }).waitFor()
  })

  test("one is taken out of use, and back", async () => {
    await page.getByRole("link", { name: "Providers" }).click()
    await page.getByRole("button", { name: "Deactivate story" }).click()
    await confirm(page, "Save to router.yaml")
    await row("story").getByText("inactive").waitFor()
    expect(await routerd.text()).toContain("is_active: false")
    await page.getByRole("button", { name: "Activate story" }).click()
    await confirm(page, "Save to router.yaml")
    await row("story").getByText("inactive").waitFor({ state: "hidden" })
    expect(await routerd.text()).not.toContain("is_active")
  })

  test("one that routes use is taken out of them, when that is wanted", async () => {
    await page.getByRole("button", { name: "Delete demo" }).click()
    await page.getByRole("dialog").getByText("1 route uses it: smart.").waitFor()
    await expectAccessible(page)
    expect(await confirm(page, "Delete, and take it out of 1 route")).toContain("-      - demo/echo")
    await row("demo").waitFor({ state: "detached" })
    const text = plain(await routerd.text(), upstream)
    expect(text).not.toContain("demo")
    expect(text).toContain("# Ours.\n")
  })
})
