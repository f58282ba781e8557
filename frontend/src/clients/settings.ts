/** Where a program shall send its requests, the route it names as model, and the key it sends. */
export interface Wanted {
  address: string
  route: string
  key: string
}

/** One thing to enter or to paste: a value of a form, or a text for a file or a terminal. */
export type Part = { kind: "value"; label: string; text: string } | { kind: "text"; label: string; text: string }

/** A program, and what makes it use routerd. */
export interface Program {
  id: string
  name: string
  about: string
  parts: Part[]
}

/** What stands for the key until there is one. */
export const ANY_KEY = "anything"
export const OWN_KEY = "YOUR_KEY"

/** The settings of every program that we know. Pure: texts with the address, the route and the key filled in. */
export function settingsFor(wanted: Wanted): Program[] {
  const told = { ...wanted, address: wanted.address.replace(/\/+$/, "") }
  return PROGRAMS.map(({ id, name, about, parts }) => ({ id, name, about, parts: parts(told) }))
}

type Row = Omit<Program, "parts"> & { parts: (wanted: Wanted) => Part[] }

const value = (label: string, text: string): Part => ({ kind: "value", label, text })
const text = (label: string, lines: string[]): Part => ({ kind: "text", label, text: lines.join("\n") })
const quoted = JSON.stringify // good for JSON, TOML, Python and JavaScript alike

/** A word for a POSIX shell. */
function word(of: string): string {
  return /^[\w@%+=:,./-]+$/.test(of) ? of : `'${of.replaceAll("'", `'\\''`)}'`
}

function isOfThisMachine(address: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(new URL(address).hostname)
}

const PROGRAMS: Row[] = [
  {
    id: "cline",
    name: "Cline",
    about: "In Cline's settings choose the API provider “OpenAI Compatible”, and enter:",
    parts: ({ address, route, key }) => [value("Base URL", `${address}/v1`), value("API key", key), value("Model ID", route)],
  },
  {
    id: "claude-code",
    name: "Claude Code",
    about: "Start it with these variables, or put them under “env” in ~/.claude/settings.json. ANTHROPIC_API_KEY must not be set beside them.",
    parts: ({ address, route, key }) => [
      text("In a terminal", [
        `export ANTHROPIC_BASE_URL=${word(address)}`,
        `export ANTHROPIC_AUTH_TOKEN=${word(key)}`,
        `export ANTHROPIC_MODEL=${word(route)}`,
        `export ANTHROPIC_DEFAULT_HAIKU_MODEL=${word(route)}`,
        "claude",
      ]),
    ],
  },
  {
    id: "gemini-cli",
    name: "Gemini CLI",
    about: "Start it with these variables, and choose “Use Gemini API key” when it asks how to authenticate.",
    parts: ({ address, route, key }) => [
      text("In a terminal", [
        `export GOOGLE_GEMINI_BASE_URL=${word(address)}`,
        `export GEMINI_API_KEY=${word(key)}`,
        `gemini -m ${word(route)}`,
      ]),
    ],
  },
  {
    id: "codex",
    name: "Codex",
    about: "The file names the variable that Codex takes the key from.",
    parts: ({ address, route, key }) => [
      text("~/.codex/config.toml", [
        `model = ${quoted(route)}`,
        'model_provider = "routerd"',
        "",
        "[model_providers.routerd]",
        'name = "routerd"',
        `base_url = ${quoted(`${address}/v1`)}`,
        'env_key = "ROUTERD_KEY"',
        'wire_api = "responses"',
      ]),
      text("In a terminal", [`export ROUTERD_KEY=${word(key)}`, "codex"]),
    ],
  },
  {
    id: "opencode",
    name: "opencode",
    about: "Put this into ~/.config/opencode/opencode.json. It may stand in the opencode.json of a project, too, but not with a key: that file is meant to be committed.",
    parts: ({ address, route, key }) => [text("opencode.json", [JSON.stringify(opencode(address, route, key), null, 2)])],
  },
  {
    id: "open-webui",
    name: "Open WebUI",
    about: "In its admin settings, under Connections, add an OpenAI connection with these values; or start it with them, which counts until connections are saved in it.",
    parts: ({ address, key }) => [
      value("URL", `${address}/v1`),
      value("API Key", key),
      text("In a terminal", [
        isOfThisMachine(address) ? "docker run -d --network=host \\" : "docker run -d -p 3000:8080 \\",
        `  -e OPENAI_API_BASE_URL=${word(`${address}/v1`)} \\`,
        `  -e OPENAI_API_KEY=${word(key)} \\`,
        "  -v open-webui:/app/backend/data ghcr.io/open-webui/open-webui:main",
      ]),
      value("Then open", isOfThisMachine(address) ? "http://localhost:8080" : "http://localhost:3000"),
    ],
  },
  {
    id: "python",
    name: "OpenAI SDK, Python",
    about: "pip install openai",
    parts: ({ address, route, key }) => [
      text("Python", [
        "from openai import OpenAI",
        "",
        `client = OpenAI(base_url=${quoted(`${address}/v1`)}, api_key=${quoted(key)})`,
        "reply = client.chat.completions.create(",
        `    model=${quoted(route)},`,
        '    messages=[{"role": "user", "content": "Say hello."}],',
        ")",
        "print(reply.choices[0].message.content)",
      ]),
    ],
  },
  {
    id: "node",
    name: "OpenAI SDK, Node",
    about: "npm install openai",
    parts: ({ address, route, key }) => [
      text("JavaScript", [
        'import OpenAI from "openai"',
        "",
        `const client = new OpenAI({ baseURL: ${quoted(`${address}/v1`)}, apiKey: ${quoted(key)} })`,
        "const reply = await client.chat.completions.create({",
        `  model: ${quoted(route)},`,
        '  messages: [{ role: "user", content: "Say hello." }],',
        "})",
        "console.log(reply.choices[0].message.content)",
      ]),
    ],
  },
  {
    id: "curl",
    name: "curl",
    about: "A streamed reply in the terminal.",
    parts: ({ address, route, key }) => [
      text("In a terminal", [
        `curl -N ${word(`${address}/v1/chat/completions`)} \\`,
        `  -H ${word(`Authorization: Bearer ${key}`)} \\`,
        "  -H 'Content-Type: application/json' \\",
        `  -d ${word(JSON.stringify({ model: route, stream: true, messages: [{ role: "user", content: "Say hello." }] }))}`,
      ]),
    ],
  },
]

function opencode(address: string, route: string, key: string): unknown {
  return {
    $schema: "https://opencode.ai/config.json",
    model: `routerd/${route}`,
    provider: {
      routerd: {
        npm: "@ai-sdk/openai-compatible",
        name: "routerd",
        options: { baseURL: `${address}/v1`, apiKey: key },
        models: { [route]: { name: route } },
      },
    },
  }
}
