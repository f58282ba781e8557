import { execFile } from "node:child_process"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { Routerd } from "./routerd"
import { ask } from "./traffic"

const PYTHON = process.env.PYTHON ?? resolve(import.meta.dirname, "../../.venv/bin/python")

/** A day in a small team, played by the built-in provider: some of it fails, and goes elsewhere. */
const CONFIG = `# Who answers, and in which order.
providers:
  openai: {adapter: echo, models: [gpt-5.2, gpt-5.2-mini], echo: {delay: 12ms, fail: 429, fail_rate: 0.15}}
  anthropic: {adapter: echo, models: [claude-sonnet-4-5], echo: {delay: 18ms}}
  gemini: {adapter: echo, models: [gemini-3-pro], echo: {delay: 8ms}}
  workstation: {base_url: "http://127.0.0.1:11435/v1", models: [qwen3-coder]} # switched off at night

routes:
  smart: [openai/gpt-5.2, anthropic/claude-sonnet-4-5]
  llm-auto-route:
    strategy: round-robin
    affinity: prompt
    match: ["gpt-5*", "claude-haiku-*"]
    nodes:
      - openai/gpt-5.2-mini
      - gemini/gemini-3-pro
      - anthropic/claude-sonnet-4-5
  coding:
    mode: multi
    nodes:
      - {provider: workstation, models: [qwen3-coder]}
      - {provider: anthropic, models: [claude-sonnet-4-5], priority: 1}
      - {provider: openai, models: [gpt-5.2], priority: 1}

prices:
  openai/gpt-5.2: {input: 1.25, output: 10, cached: 0.125}
  openai/gpt-5.2-mini: {input: 0.25, output: 2}
  anthropic/*: {input: 3, output: 15}
  gemini/*: {input: 2, output: 12}
  workstation/*: {input: 0, output: 0}
`

const CLIENTS = ["cline", "open-webui", "nightly-report"]
const ROUTES = ["smart", "llm-auto-route", "coding"]
const QUESTIONS = [
  "Why is the sky blue, and why is it red in the evening?",
  "Rename the function and correct its callers. Run the tests afterwards.",
  "Summarise the incident of last night in three sentences, for people who were asleep: what broke, who noticed, what was done.",
  "Translate into plain English.",
]

export const TOKEN = "demo-token-that-is-long-enough"

export async function startDemo(): Promise<Routerd> {
  const routerd = await Routerd.start(CONFIG, { ROUTERD_ADMIN_TOKEN: TOKEN })
  const keys: string[] = []
  for (const name of CLIENTS) keys.push(await addClient(routerd, name))
  for (let round = 0; round < 34; round++) {
    await Promise.all(
      Array.from({ length: 6 }, (_, at) => {
        const which = round * 6 + at
        const text = QUESTIONS[which % QUESTIONS.length]!
        return ask(routerd, ROUTES[which % 3]!, { text, stream: which % 5 > 0, token: keys[Math.floor(which / 2) % 3]! })
      }),
    )
    if (round % 8 === 3) await ask(routerd, "workstation/qwen3-coder", { token: keys[0]! })
  }
  await spread(routerd)
  return routerd
}

async function addClient(routerd: Routerd, name: string): Promise<string> {
  const headers = { "Content-Type": "application/json" }
  const answer = await fetch(`${routerd.url}/api/clients`, { method: "POST", headers, body: JSON.stringify({ name }) })
  return ((await answer.json()) as { key: string }).key
}

/** The same requests over a day: more by day than by night, with prompts as long as those of real programs. */
const SPREAD = `
import math, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=10)
ids = [row[0] for row in db.execute("SELECT request_id FROM attempts GROUP BY request_id ORDER BY max(id)")]
now, many = time.time(), len(ids)
for at, name in enumerate(ids):
    left = 1 - at / many
    age = 86400 * (left + 0.05 * math.sin(12.6 * left)) * 0.96 + 20
    by = 0.6 + 0.9 * abs(math.sin(at * 1.7)) + 0.4 * math.sin(at / 23) ** 2
    last = db.execute("SELECT max(at) FROM attempts WHERE request_id = ?", [name]).fetchone()[0]
    db.execute(
        "UPDATE attempts SET at = ? - ? * (? - at), ttft_ms = ttft_ms * ?, duration_ms = duration_ms * ?, total_ms = total_ms * ?,"
        " prompt_tokens = prompt_tokens * ?, completion_tokens = completion_tokens * ?, cost = cost * ? WHERE request_id = ?",
        [now - max(age, 20), int(4 * by), last, *[int(4 * by)] * 3, int(120 * by), int(18 * by), 40 * by, name],
    )
db.commit()
`

async function spread(routerd: Routerd): Promise<void> {
  await fetch(`${routerd.url}/api/requests?limit=1`) // answered when all are written
  await promisify(execFile)(PYTHON, ["-c", SPREAD, join(routerd.folder, ".routerd/state.db")])
}
