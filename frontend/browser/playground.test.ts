import { readFile } from "node:fs/promises"
import type { Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { expectAccessible, expectNoFaults, missing, useBrowser } from "./browser"
import { Routerd } from "./routerd"

const CONFIG = `providers:
  demo: {adapter: echo, models: [echo]}
  slow: {adapter: echo, models: [echo], echo: {delay: 200ms, chunk: 2}}
  cut: {adapter: echo, models: [echo], echo: {fail: cut, after_chunks: 2}}
  broken: {adapter: echo, models: [echo], echo: {fail: 500}, health: {failure_threshold: 1000}}
routes:
  drill: [broken/echo, demo/echo]
`
const KEYED = `${CONFIG}clients:
  cline: {key_sha256: ${"a".repeat(64)}}
`

describe.skipIf(missing)("the playground", () => {
  let routerd: Routerd
  let page: Page
  const browser = useBrowser()

  beforeAll(async () => {
    routerd = await Routerd.start(CONFIG)
  })
  afterAll(() => routerd?.stop())
  beforeEach(async () => {
    page = await browser.page(routerd.url)
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"])
  })
  afterEach(async () => {
    expectNoFaults()
    await page.close()
  })

  const turn = (state: string) => page.locator(`.turn[data-state="${state}"]`)

  async function ask(model: string, prompt: string): Promise<void> {
    await page.goto(`${routerd.url}/playground?model=${encodeURIComponent(model)}`)
    await page.getByRole("option", { name: "demo/echo" }).waitFor({ state: "attached" })
    await page.getByLabel("Message", { exact: true }).fill(prompt)
    await page.keyboard.press("Enter")
  }

  test("a reply is streamed, as text and with its line breaks, after the attempts it took", async () => {
    await ask("drill", "One <b>line</b>\nand <img src=x> another")
    await turn("done").waitFor()
    const text = turn("done").locator(".reply .text")
    expect(await text.textContent()).toBe("The reply: One <b>line</b>\nand <img src=x> another")
    expect(await text.locator("b, img").count()).toBe(0)
    const facts = turn("done").locator("dl")
    await facts.getByText("demo/echo").waitFor()
    const attempts = page.getByRole("region", { name: "Attempts" }).locator("tbody tr")
    await attempts.nth(1).waitFor()
    expect(await attempts.nth(0).innerText()).toMatch(/^1\s+broken\/echo\s+500\s+The provider failed/)
    expect(await attempts.nth(1).innerText()).toMatch(/^2\s+demo\/echo\s+200/)
    expect(await facts.innerText()).toMatch(/Attempts\s*2/)
    expect(await facts.innerText()).toMatch(/Tokens\s*\d+ in, \d+ out/)
    await expectAccessible(page)
  })

  test("the conversation goes on, and is cleared", async () => {
    await ask("demo/echo", "first")
    await turn("done").waitFor()
    await page.getByLabel("System prompt").fill("Be brief.")
    await page.getByLabel("Message", { exact: true }).fill("second")
    await page.getByRole("button", { name: "Send" }).click()
    await turn("done").nth(1).waitFor()
    await turn("done").nth(1).getByText("Request and response").click()
    const request = JSON.parse(await turn("done").nth(1).getByLabel("Request", { exact: true }).innerText())
    expect(request.messages.map((message: { content: string }) => message.content)).toEqual(["Be brief.", "first", "first", "second"])
    const response = await turn("done").nth(1).getByLabel("Response", { exact: true }).innerText()
    expect(response).toMatch(/^HTTP 200/)
    expect(response).toContain("x-routerd-request-id: ui_")
    expect(response).toContain("data: [DONE]")
    await turn("done").nth(1).getByRole("button", { name: "Copy" }).first().click()
    expect(JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))).toEqual(request)
    await page.getByRole("button", { name: "Clear" }).click()
    await page.getByText("Nothing has been said yet").waitFor()
  })

  test("a reply is stopped; what has come stays, and the ledger knows", async () => {
    await ask("slow/echo", "This takes a long time to say.")
    await page.locator(".reply .text").getByText("Th").waitFor()
    await page.getByRole("button", { name: "Stop" }).click()
    await turn("stopped").waitFor()
    expect(await page.locator(".reply .text").innerText()).not.toContain("to say.")
    await turn("stopped").getByText("Every attempt").click()
    await turn("stopped").getByText("The caller left").waitFor()
    await page.getByRole("button", { name: "Ask again" }).isEnabled()
  })

  test.each([
    ["broken/echo", "The echo provider was told to refuse this.", "A second node in the route would have been tried next.", "overloaded"],
    ["cut/echo", "", "", ""],
    ["nobody", "There is no model `nobody`.", "Choose another model", "model_not_found"],
  ])("an error of %s is told in words, with the request's id", async (model, message, cure, code) => {
    await ask(model, "A message that is long enough for some chunks.")
    await turn("failed").waitFor()
    const said = await turn("failed").getByRole("alert").innerText()
    expect(said).toContain(message)
    expect(said).toContain(cure)
    expect(said).toContain(code)
    expect(said).toMatch(/ui_[0-9a-f]{16}/)
  })

  test("who has no key where one is needed is told so, and the admin token is one", async () => {
    await routerd.save(KEYED)
    await expect.poll(() => fetch(`${routerd.url}/v1/models`).then((answer) => answer.status), { timeout: 15_000 }).toBe(401)
    await ask("drill", "hello")
    await page.getByRole("alert").getByText("log in with the admin token").waitFor()
    const token = (await readFile(`${routerd.folder}/.routerd/admin-token`, "utf8")).trim()
    await page.getByText("Ask as a client").click()
    await page.getByLabel("Key of a client").fill(token)
    await page.getByLabel("Key of a client").blur()
    await page.getByRole("button", { name: "Ask again" }).click()
    await turn("done").waitFor()
    await turn("done").getByText("Request and response").click()
    expect(await turn("done").innerText()).not.toContain(token)
    await routerd.save(CONFIG)
  })
})
