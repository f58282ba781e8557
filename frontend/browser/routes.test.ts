import type { Locator, Page } from "playwright-core"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

const CONFIG = `# A comment that stays.
providers:
  demo: {adapter: echo, models: [echo, echo-large]}
  spare: {adapter: echo, models: [echo]}
  broken: {adapter: echo, models: [echo], echo: {fail: 500}, health: {failure_threshold: 1, cooldown: 50s, check: false}}
routes:
  smart:
    match: ["gpt-5*"]
    nodes:
      - demo/echo   # the good one
      - {provider: spare, models: [echo], metadata: {region: eu}}
      - demo/echo-large
  drill: [broken/echo, demo/echo]
`

describe.skipIf(missing)("routes", () => {
  let routerd: Routerd
  let page: Page
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
    page = await browser.page(routerd.url)
  })
  afterAll(() => routerd?.stop())
  beforeEach(async () => {
    await routerd.save(CONFIG)
    await expect.poll(served, { timeout: 15_000 }).toEqual(["smart auto true demo/echo spare/echo demo/echo-large", "drill auto true broken/echo demo/echo"])
  })

  /** The routes that the API tells of now. */
  async function served(): Promise<string[]> {
    interface Told {
      name: string
      mode: string
      is_active: boolean
      nodes: { provider_name: string; models: string[] }[]
    }
    const routes = (await (await fetch(`${routerd.url}/api/model-routes`)).json()) as Told[]
    return routes.map((route) => [route.name, route.mode, route.is_active, ...route.nodes.map((node) => `${node.provider_name}/${node.models}`)].join(" "))
  }

  const button = (name: string | RegExp, within: Page | Locator = page) => within.getByRole("button", { name })
  const diff = () => page.getByRole("dialog").locator(".diff")

  async function go(path: string): Promise<void> {
    await page.goto(routerd.url + path)
  }

  /** The lines that the diff on the page would change. */
  async function changedLines(): Promise<string[]> {
    const lines = (await diff().innerText()).split("\n")
    return lines.map((line) => line.trimEnd()).filter((line) => /^[+-]/.test(line))
  }

  async function confirm(name = "Save to router.yaml"): Promise<void> {
    await button(name).click()
    await page.getByRole("dialog").waitFor({ state: "hidden" })
  }

  test("a route is made, with its diff before", async () => {
    await go("/routes")
    await button("New route").click()
    await page.getByLabel("Name", { exact: true }).fill("quick")
    await page.getByLabel("Provider", { exact: true }).selectOption("demo")
    await button("Add model echo").first().click()
    await button("Create…").click()
    await diff().waitFor()
    expect(await changedLines()).toEqual(["+  quick: [demo/echo]"])
    expect(await routerd.text()).toBe(CONFIG)
    await confirm()
    await page.waitForURL("**/routes/quick")
    await page.getByRole("heading", { level: 1, name: "quick" }).waitFor()
    expect(await routerd.text()).toBe(`${CONFIG}  quick: [demo/echo]\n`)
  })

  test("nodes are put in order by keyboard: the focus stays, the move is told, the diff is two lines", async () => {
    await go("/routes/smart")
    const down = button("Move node 1, demo/echo, down")
    await down.focus()
    await page.keyboard.press("Enter")
    await page.getByText("demo/echo is now 2 of 3.").waitFor({ state: "attached" })
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Move node 2, demo/echo, down")
    await page.keyboard.press("Enter")
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Move node 3, demo/echo, down")
    await button("Save…").click()
    await diff().waitFor()
    expect(await changedLines()).toEqual(["-      - demo/echo   # the good one", "+      - demo/echo   # the good one"])
    await confirm()
    await page.getByText("There are changes that are not saved.").waitFor({ state: "hidden" })
    expect(await routerd.text()).toContain("      - demo/echo-large\n      - demo/echo   # the good one\n")
  })

  test("a node is dragged to another place, and Escape leaves it where it was", async () => {
    await go("/routes/smart")
    const grips = page.locator(".grip")
    await page.getByRole("heading", { name: "Nodes" }).evaluate((heading) => heading.scrollIntoView())
    const [first, last] = [(await grips.nth(0).boundingBox())!, (await grips.nth(2).boundingBox())!]
    const names = () => page.getByRole("button", { name: /, up$/ }).evaluateAll((all) => all.map((each) => each.getAttribute("aria-label")))
    const drag = async () => {
      await page.mouse.move(last.x + 5, last.y + 35)
      await page.mouse.down()
      await page.mouse.move(first.x + 5, first.y + 40)
      await page.mouse.move(first.x + 5, first.y + 2)
    }
    await drag()
    await page.keyboard.press("Escape")
    await page.mouse.up()
    expect((await names())[0]).toBe("Move node 1, demo/echo, up")
    await drag()
    await page.mouse.up()
    await page.getByText("demo/echo-large is now 1 of 3.").waitFor({ state: "attached" })
    expect(await names()).toEqual(["Move node 1, demo/echo-large, up", "Move node 2, demo/echo, up", "Move node 3, spare/echo, up"])
  })

  test("tiers are seen, and a node is moved to one of its own", async () => {
    await go("/routes/smart")
    await page.getByLabel("Mode", { exact: true }).selectOption("multi")
    await page.getByRole("heading", { name: "Tier 1" }).waitFor()
    await button("Move node 3, demo/echo-large, down").click()
    await page.getByText("demo/echo-large is now 1 of 1 in tier 2, priority 1.").waitFor({ state: "attached" })
    await button("Save…").click()
    await diff().waitFor()
    expect(await changedLines()).toEqual(["-      - demo/echo-large", "+      - {provider: demo, models: [echo-large], priority: 1}", "+    mode: multi"])
    await confirm()
    await page.locator(".lane .title", { hasText: "Tier 2 · priority 1" }).waitFor()
  })

  test("the picture tells who is first, and then who cools down", async () => {
    await go("/routes/drill")
    const words = page.locator("figcaption")
    await words.getByText("broken/echo is tried first, then demo/echo.").waitFor()
    await fetch(`${routerd.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ model: "drill", messages: [{ role: "user", content: "hello" }] }),
    })
    await words.getByText('demo/echo is tried first. At most 3 attempts. broken/echo is skipped: cooling down after "The provider failed".').waitFor()
    const box = page.locator('[data-target="broken/echo"]')
    expect(await box.innerText()).toMatch(/cooling down \d+ s/)
    const left = Number(/(\d+) s/.exec(await box.innerText())![1])
    await page.waitForFunction((before) => Number(/(\d+) s/.exec(document.querySelector<HTMLElement>('[data-target="broken/echo"]')!.innerText)![1]) < before, left)
    await page.getByText("The reason for every node").click()
    await page.getByRole("region", { name: "Every node and its reason" }).getByText("first in file order").waitFor()
  })

  test("a model is explained, with the rule by which it was found", async () => {
    await go("/routes")
    await page.getByLabel("Model, as a client would send it").fill("gpt-5.2")
    await button("Explain").click()
    await page.getByText("it fits the route's pattern `gpt-5*`").waitFor()
    await page.getByText("demo/echo is tried first, then spare/echo and demo/echo-large.").waitFor()
    await page.getByLabel("Model, as a client would send it").fill("nobody")
    await button("Explain").click()
    await page.getByRole("alert").getByText("There is no model `nobody`").waitFor()
  })

  test("a route is deactivated and deleted, each with its diff", async () => {
    await go("/routes")
    await button("Deactivate smart").click()
    await diff().waitFor()
    expect(await changedLines()).toEqual(["+    is_active: false"])
    await confirm()
    await button("Activate smart").waitFor()
    await button("Delete drill").click()
    await diff().waitFor()
    expect(await changedLines()).toEqual(["-  drill: [broken/echo, demo/echo]"])
    await confirm("Delete from router.yaml")
    await page.getByRole("link", { name: "drill", exact: true }).waitFor({ state: "hidden" })
    expect(await routerd.text()).not.toContain("drill")
  })

  test("a route that clients name goes when that is said again", async () => {
    await routerd.save(`${CONFIG}clients:\n  cline: {key_sha256: ${"a".repeat(64)}, routes: [drill, smart]}\n`)
    await go("/routes")
    await button("Delete drill").click()
    await page.getByRole("dialog").getByRole("alert").waitFor()
    await button("Take it out of those clients as well…").click()
    await diff().waitFor()
    expect((await changedLines()).at(-1)).toMatch(/^\+ {2}cline: .*routes: \[smart\]/)
    await button("Cancel").click()
  })

  for (const theme of ["light", "dark"] as const) {
    test(`a route in the ${theme} is there for everybody`, async () => {
      const own = await browser.page(routerd.url, { colorScheme: theme })
      await own.goto(`${routerd.url}/routes/drill`)
      await own.locator("figcaption").waitFor()
      await own.getByText("More").first().click()
      await expectAccessible(own)
      await own.setViewportSize({ width: 360, height: 740 })
      expect(await own.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0)
      expectNoFaults()
    })
  }
})
